-- Hello: two neighbours and two corners of a 4x4 mesh send a message to and fro.  The measured
-- one-way time must be the formula's, to the picosecond: without software (scale 0) the bare
-- hardware, with it the hardware and the priced software path.
local paragon = include "machines/paragon.lua"

local scale = param("machine.prices.scale", 1)
local size = param("workload.size", "0B")
local partner = param("workload.partner", 1)   -- rank = node: there are no I/O nodes
local machine = paragon { rows = 4, columns = 4, release = param("release", "R1.4"), scale = scale }

-- ---- the formula, in picoseconds ----
local NX_HEADER, DRIVER_HEADER = 32, 8                       -- os/nx, os/proto/driver
local bytes = math.tointeger(tonumber(size:match("^(%d+)B$"))) + NX_HEADER + DRIVER_HEADER
assert(bytes <= 2088, "the formula is for messages of one packet")

-- A time or a rate as a whole number of picoseconds or bytes a second.
local function units(text, of)
  local n, unit = tostring(text):match("^([%d.]+)(%a*/?s?)$")
  return math.tointeger(tonumber(n) * (n == "0" and unit == "" and 0 or of[unit]))
end
local function ps(text)
  return units(text, { ps = 1, ns = 10^3, us = 10^6, ms = 10^9, s = 10^12 })
end
local function per_second(text)
  return units(text, { ["B/s"] = 1, ["kB/s"] = 10^3, ["MB/s"] = 10^6, ["GB/s"] = 10^9 })
end

-- An amount at a rate, rounded up once; scale in millionths.
local function at(rate, amount, scale)
  return rate == 0 and 0 or (amount * 10^6 // 1 * scale + rate - 1) // rate | 0
end

-- What a kind of work costs, whatever -p makes of its price.
local millionths = math.tointeger(scale * 10^6)
local function cost(kind, amount)
  local price = machine.prices[kind]
  local function field(name)
    return param("machine.prices." .. kind .. "." .. name, price[name] or "0")
  end
  local whole = ps(field("fixed")) + ps(field("each")) * amount
  return whole * millionths // 10^6 // 1 + at(per_second(field("rate")), amount, millionths)
end

-- The network alone: the header through each router, the tail flits behind it.  Delays of a router
-- are the network's defaults (psim list parameters).
local hops = partner % 4 + partner // 4                    -- from node 0, X then Y
local flits = machine.nic.header_flits + (bytes + 1) // 2  -- 16-bit flits
local mesh = (10 + 20) + hops * (10 + 10 + 20) + (flits - 1) * 10 + 20   -- ns
local dma = per_second(param("machine.nic.dma_rate", machine.nic.dma_rate))
local hardware = mesh * 1000 + 2 * at(dma, bytes, 10^6)

-- What the code of os/ names on the way: the send path of NX, a layer down, the driver; the driver,
-- a layer up, one receive compared, the switch to the thread that waits, the receive path.
local software = cost("send", 1) + cost("layer", 1)
               + cost("frame_out", 1) + cost("frame_bytes", bytes)
               + cost("frame_in", 1) + cost("frame_bytes", bytes) + cost("layer", 1)
               + cost("match", 1) + cost("switch", 1) + cost("receive", 1)

return {
  title = "Hello: ping-pong on a 4x4 mesh against the formula",
  doc = "One-way time of a message between two programs, and the same from the numbers alone.",
  machine = machine,
  workload = {
    kind = "pingpong", size = size, partner = partner, rounds = 5,
    formula = string.format("%dps", math.tointeger(hardware + software)),
  },
  sweep = {
    product = {
      ["machine.prices.scale"] = { 0, 1 },
      ["workload.partner"] = { 1, 15 },
      ["workload.size"] = { "0B", "500B" },
    },
  },
  measures = { "one_way.mean", "formula.mean", "difference.mean" },
  expectations = {
    { measure = "difference.mean", equals = 0,
      citation = "derived: the closed form, to the picosecond" },
  },
}
