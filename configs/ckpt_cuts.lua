-- Consistent cuts under random messages: every cut of every algorithm is judged at the end of the
-- run by what the programs sent and received, in numbers and vector times.
--
-- What must not work can be tried:  -p unordered=true with  -p over=lossy  (RDM over a path that
-- loses and reorders): the run then fails with the message that is in no log, or was received and
-- not sent.  Adaptive routes, over which  -p algorithm=sns  passes, have a configuration of their
-- own for that: ckpt_adaptive.lua.
-- With  -p death=5ms  a rank dies then: its death ends the cut under way at all others.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local over = param("over", "mesh", { "mesh", "lossy" })
local route = param("route", "xy")
local cuts = param("workload.cuts", 20)
local death = param("death", "0")

local graph = graphs.with_cuts(over == "lossy" and graphs.lossy(0.1, { "nx" }) or graphs.machine)

local machine = paragon {
  rows = 4, columns = 4, graph = graph,
  os = { cut = { algorithm = param("algorithm", "ns"), unordered = param("unordered", false) } },
  faults = death ~= "0" and { { path = "node 6", at = death } } or nil,
}
if route ~= "xy" then
  machine.network = { model = "flit", route = route, virtual_channels = 2, fifo = "empty" }
end

return {
  title = "Consistent cuts under random messages",
  doc = "What a cut costs and logs, by how the machine agrees on it; every cut is judged.",
  machine = machine,
  workload = { kind = "cuts", cuts = cuts, deaths = death ~= "0" },
  sweep = { product = { algorithm = { "sns", "cl", "ns" } } },
  measures = {
    "cut.mean", "stopped.mean", "cut.cuts", "cut.messages", "cut.markers", "cut.starts",
    "cut.received", "cut.unsent", "cut.forced",
  },
  -- The window opens when the last program has left the barrier.  What is lost is sent again up to
  -- some 5 ms later, and a cut that others were done with before is outside of it.
  expectations = death == "0" and {
    over == "mesh"
      and { measure = "cut.cuts", equals = 16 * cuts, citation = "each rank is done with each cut" }
      or { kind = "range", at = {}, measure = "cut.cuts", min = 16 * (cuts - 3), max = 16 * cuts,
           citation = "each rank is done with each cut; those before the window do not count" },
  } or nil,
}
