-- A recorded program again: each rank's requests with its pauses, as a trace tells them.
--
--   psim run io_replay
--   psim run io_replay -p workload.trace=my.replay
--
-- docs/replay.md has the format, and how to make such a file of a Darshan log or an IOR command.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local system = param("workload.system", "pfs")
local trace = param("workload.trace", "traces/ring.replay")

return {
  title = "A recorded program again",
  machine = paragon { rows = 4, columns = 4, io_nodes = 4, storage = { kind = "raid3" },
                      os = system ~= "pfs" and services[system] or nil },
  workload = { kind = "replay", system = system, trace = trace,
               factor = param("workload.factor", 0) },
  measures = { "file.bandwidth", "file.latency", "file.latency.count" },
  sweep = { product = { ["workload.factor"] = { 1, 4 } } },
  expectations = trace == "traces/ring.replay" and {
    { kind = "value", name = "each request is made once", measure = "file.latency.count",
      at = { ["workload.factor"] = 4 }, equals = 8, within = 0 },
    { kind = "ratio", name = "four I/O nodes over one", measure = "file.bandwidth",
      at = { ["workload.factor"] = 4 }, over = { ["workload.factor"] = 1 }, min = 1 },
  } or nil,
}
