-- Hello: two neighbours and two corners of a 4x4 mesh send a message to and fro.  The measured
-- one-way time must be the formula's, to the picosecond: without software (scale 0) the bare
-- hardware, with it the hardware and the priced software path.
local paragon = include "machines/paragon.lua"
local formula = include "parts/formula.lua"

local scale = param("machine.prices.scale", 1)
local size = param("workload.size", "0B")
local partner = param("workload.partner", 1)   -- rank = node: there are no I/O nodes
local machine = paragon { rows = 4, columns = 4, release = param("release", "R1.4"), scale = scale }

-- ---- the formula, in picoseconds ----
local NX_HEADER, DRIVER_HEADER = 32, 8                       -- os/nx, os/proto/driver
local bytes = formula.bytes(size) + NX_HEADER + DRIVER_HEADER
assert(bytes <= 2088, "the formula is for messages of one packet")

-- The network alone: the header through each router, the tail flits behind it.  Delays of a router
-- are the network's defaults (psim list parameters).
local hops = partner % 4 + partner // 4                    -- from node 0, X then Y
local flits = machine.nic.header_flits + (bytes + 1) // 2  -- 16-bit flits
local mesh = (10 + 20) + hops * (10 + 10 + 20) + (flits - 1) * 10 + 20   -- ns
local dma = formula.per_second(param("machine.nic.dma_rate", machine.nic.dma_rate))
local hardware = mesh * 1000 + 2 * formula.at(dma, bytes)

-- What the code of os/ names on the way: the send path of NX, a layer down, the driver; the driver,
-- a layer up, one receive compared, the switch to the thread that waits, the receive path.
local cost = formula.costs(machine, scale)
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
    formula = hardware + software .. "ps",
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
