-- A job of 64 ranks loses nodes for ever, rank 0's among them and a spare that has taken its place:
-- each rank whose node does not answer within `patience` goes on from the last committed checkpoint
-- on a spare node, and the final memory is that of the run in which nothing happens.
--
--   psim run ckpt_spares
--   psim run ckpt_spares -p sink=file                through PFS
--   psim run ckpt_spares -p algorithm=cl             by markers among the ranks
--   psim run ckpt_spares -p algorithm=ns             by a sweep, and by such markers once a node is
--                                                    gone; -p fallback=false: no more after that
--   psim run ckpt_spares -p spares=2 -p deaths=4     one too few: the job is given up
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local graphs = include "parts/graphs.lua"

local deaths, spares = param("deaths", 0), param("spares", 8)
local algorithm = param("algorithm", "sns")

-- Node 0 leads; node 71 is the first of the spares, and has rank 8 by then.  No two neighbours in
-- the sink die within what a restart takes.
local schedule = {
  { path = "node 9", at = "450ms" }, { path = "node 0", at = "900ms" },
  { path = "node 33", at = "1500ms" }, { path = "node 71", at = "1700ms" },
}
local faults = {}
for k = 1, deaths do faults[k] = schedule[k] end

local expectations = {}
for _, which in ipairs { "random", "jacobi" } do
  for _, n in ipairs { 2, 4 } do
    expectations[#expectations + 1] = {
      kind = "ratio", name = which .. ", " .. n .. " deaths: the same memory",
      measure = "job.memory.mean", at = { program = which, deaths = n },
      over = { program = which, deaths = 0 }, min = 1, max = 1,
      citation = "derived: a restart elsewhere equals no failure",
    }
  end
end

return {
  title = "A job that loses nodes for ever",
  doc = "Checkpoints of 64 ranks in the memory of neighbours, and nodes that never come back.",
  machine = paragon {
    rows = 8, columns = 10, io_nodes = 4, storage = { kind = "raid3" }, faults = faults,
    detector_delay = "10ms", graph = graphs.cuts,
    os = services.list(services.nx, services.pfs, services.checkpoints {
      interval = "200ms", policy = "cll", incremental = true, retry = "20ms",
      sink = param("sink", "memory"), spares = spares, patience = "50ms", give_up = "10s",
      algorithm = algorithm, fallback = param("fallback", algorithm == "ns"),
    }),
  },
  workload = {
    kind = "job", program = param("program", "random"), nodes = 64, memory = "64KiB",
    steps = 150, dirty = 4, think = "10ms", columns = 128,
  },
  sweep = { product = { program = { "random", "jacobi" }, deaths = { 0, 2, 4 } } },
  measures = { "job.time.max", "job.memory.mean", "ckpt.restarts", "ckpt.committed",
               "ckpt.page_bytes", "cut.fallbacks" },
  expectations = expectations,
}
