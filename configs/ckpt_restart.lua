-- A job of 64 ranks is saved while it runs; nodes crash, rank 0's among them and two at once, come
-- back, and the job goes on from the last committed checkpoint: its final memory is that of the run
-- in which nothing happens.
--
--   psim run ckpt_restart
--   psim run ckpt_restart -p sink=file        through PFS
--   psim run ckpt_restart -p algorithm=ns     markers in the channels; nobody waits for others
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local graphs = include "parts/graphs.lua"

local crashes = param("crashes", 0)

-- Nobody's neighbour in the sink dies with it.
local schedule = {
  { path = "node 9", at = "650ms" }, { path = "node 0", at = "1200ms" },
  { path = "node 33", at = "1700ms" }, { path = "node 45", at = "1700ms" },
}
local faults = {}
for k = 1, crashes do
  local f = schedule[k]
  faults[k] = { path = f.path, at = f.at, after = "50ms" }
end

local expectations = {}
for _, which in ipairs { "random", "jacobi" } do
  for _, n in ipairs { 1, 2, 4 } do
    expectations[#expectations + 1] = {
      kind = "ratio", name = which .. ", " .. n .. " crashes: the same memory",
      measure = "job.memory.mean", at = { program = which, crashes = n },
      over = { program = which, crashes = 0 }, min = 1, max = 1,
      citation = "derived: a restart equals no failure",
    }
  end
end

return {
  title = "A job that goes on after crashes",
  doc = "Checkpoints of 64 ranks in the memory of neighbours, and crashes of their nodes.",
  machine = paragon {
    rows = 8, columns = 9, io_nodes = 4, storage = { kind = "raid3" }, faults = faults,
    detector_delay = "10ms", graph = graphs.cuts,
    os = services.list(services.nx, services.pfs, services.checkpoints {
      interval = "200ms", policy = "cll", incremental = true, retry = "20ms",
      sink = param("sink", "memory"), algorithm = param("algorithm", "sns"),
    }),
  },
  workload = {
    kind = "job", program = param("program", "random"), nodes = 64, memory = "64KiB",
    steps = 150, dirty = 4, think = "10ms", columns = 128,
  },
  sweep = { product = { program = { "random", "jacobi" }, crashes = { 0, 1, 2, 4 } } },
  measures = { "job.time.max", "job.memory.mean", "ckpt.stop.max", "ckpt.restarts",
               "ckpt.committed", "ckpt.page_bytes" },
  expectations = expectations,
}
