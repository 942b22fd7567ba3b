-- A job of 64 ranks is saved while it runs; nodes crash, rank 0's among them and two at once, come
-- back, and the job goes on from the last committed checkpoint: its final memory is that of the run
-- in which nothing happens.
--
--   psim run ckpt_restart
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local crashes = param("crashes", 0)

-- In the first 100 ms, before any checkpoint, and after; a node is back after 50 ms.
local schedule = {
  { path = "node 9", at = "250ms" }, { path = "node 0", at = "1900ms" },
  { path = "node 33", at = "3200ms" }, { path = "node 34", at = "3200ms" },
}
local faults = {}
for k = 1, crashes do
  local f = schedule[k]
  faults[k] = { path = f.path, at = f.at, after = "50ms" }
end

return {
  title = "A job that goes on after crashes",
  doc = "Checkpoints of 64 ranks through PFS, and crashes of their nodes.",
  machine = paragon {
    rows = 8, columns = 9, io_nodes = 4, storage = { kind = "raid3" }, faults = faults,
    detector_delay = "10ms",
    os = services.list(services.nx, services.pfs, services.checkpoints {
      interval = "200ms", policy = "cll", incremental = true, retry = "20ms",
    }),
  },
  workload = {
    kind = "job", program = param("program", "random"), nodes = 64, memory = "64KiB",
    steps = 150, dirty = 4, think = "10ms", columns = 128,
  },
  sweep = { product = { program = { "random", "jacobi" }, crashes = { 0, 1, 2, 4 } } },
  measures = { "job.time.max", "job.memory.mean", "ckpt.stop.max", "ckpt.restarts",
               "ckpt.committed", "ckpt.page_bytes" },
}
