-- Hello: two neighbours and two corners of a 4x4 mesh send a message to and fro.  The measured
-- one-way time must be the formula's, to the picosecond: without software (scale 0) the bare
-- hardware, with it the hardware and the priced software path.
local paragon = include "machines/paragon.lua"

local scale = param("machine.prices.scale", 1)
local size = param("workload.size", "0B")
local partner = param("workload.partner", 1)   -- rank = node: there are no I/O nodes
local machine = paragon { rows = 4, columns = 4, release = param("release", "R1.4"), scale = scale }

-- ---- the formula, in picoseconds ----
local NX_HEADER, MESH_HEADER = 32, 8                       -- os/nx, os/proto/mesh
local bytes = math.tointeger(tonumber(size:match("^(%d+)B$"))) + NX_HEADER + MESH_HEADER
assert(bytes <= 2088, "the formula is for messages of one packet")

local function ps(price) return math.tointeger(tonumber(price.each:match("^(%d+)ns$"))) * 1000 end

-- Bytes at a rate, rounded up.
local function at(rate)
  if not rate then return 0 end
  local n, unit = rate:match("^(%d+)([MG])B/s$")
  local per_second = math.tointeger(tonumber(n)) * (unit == "G" and 10^9 or 10^6) // 1 | 0
  return (bytes * 10^12 // 1 + per_second - 1) // per_second | 0
end

-- The network alone: the header through each router, the tail flits behind it.  Delays of a router
-- are the network's defaults (psim list parameters net).
local hops = partner % 4 + partner // 4                    -- from node 0, X then Y
local flits = machine.nic.header_flits + (bytes + 1) // 2  -- 16-bit flits
local mesh = (10 + 20) + hops * (10 + 10 + 20) + (flits - 1) * 10 + 20   -- ns
local hardware = mesh * 1000 + 2 * at(machine.nic.dma_rate)

-- What the code of os/ names on the way: the send path of NX, a layer down, the driver; the driver,
-- a layer up, one receive compared, the switch to the thread that waits, the receive path.
local p = machine.prices
local software = ps(p.send) + ps(p.layer) + ps(p.frame_out) + at(p.frame_bytes.rate)
               + ps(p.frame_in) + at(p.frame_bytes.rate) + ps(p.layer) + ps(p.match)
               + ps(p.switch) + ps(p.receive)

return {
  title = "Hello: ping-pong on a 4x4 mesh against the formula",
  doc = "One-way time of a message between two programs, and the same from the numbers alone.",
  machine = machine,
  workload = {
    kind = "pingpong", size = size, partner = partner, rounds = 5,
    formula = string.format("%dps", hardware + scale * software),
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
    { measure = "difference.mean", equals = 0, doc = "The closed form, to the picosecond." },
  },
}
