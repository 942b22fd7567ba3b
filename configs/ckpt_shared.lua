-- Programs that share memory are saved while they run; nodes crash, rank 0's among them and two at
-- once, come back, and all go on from the last committed checkpoint: each result equals that of a
-- sequential run, and the shared memory at the end that of the run in which nothing happens.
--
--   psim run ckpt_shared
--   psim run ckpt_shared -p only=svm_sort -p sink=file -p by=dynamic
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local graphs = include "parts/graphs.lua"

local crashes = param("crashes", 0)
local sizes = {
  svm_pde = { n = 32, iterations = 40 }, svm_jacobi = { n = 256, iterations = 80 },
  svm_dot = { n = 65536, iterations = 8 }, svm_matmul = { n = 96 }, svm_sort = { records = 200000 },
  svm_tsp = { cities = 11 }, svm_fft = { rows = 128 }, svm_lu = { n = 256 },
  svm_irregular = { vertices = 16384, iterations = 8 },
}
local only, by_one = param("only", "two"), param("by", "all")   -- a program, a manager
local programs = only == "two" and { "svm_pde", "svm_lu" } or { only }
local program = param("program", programs[1], sizes)

-- Nobody's neighbour in the sink dies with it.
local schedule = {
  { path = "node 5", at = "110ms" }, { path = "node 0", at = "220ms" },
  { path = "node 12", at = "330ms" }, { path = "node 2", at = "330ms" },
}
local faults = {}
for k = 1, crashes do
  local f = schedule[k]
  faults[k] = { path = f.path, at = f.at, after = "20ms" }
end

local workload = {
  kind = program, nodes = 16, svm = { manager = param("manager", "dynamic") },
  memory = { page = "4KiB" },
}
for k, v in pairs(sizes[program]) do workload[k] = v end

local managers = by_one ~= "all" and { by_one } or {
  "central", "improved", "fixed", "broadcast", "dynamic", "dynamic_s", "tree", "xmm",
}
local expectations = {}
for _, which in ipairs(programs) do
  for _, by in ipairs(managers) do
    for _, n in ipairs { 1, 4 } do
      expectations[#expectations + 1] = {
        kind = "ratio", name = which .. ", " .. by .. ", " .. n .. " crashes: the same memory",
        measure = "svm.memory.mean",
        at = { program = which, manager = by, crashes = n },
        over = { program = which, manager = by, crashes = 0 }, min = 1, max = 1,
        citation = "derived: a restart equals no failure",
      }
    end
  end
end

return {
  title = "Programs that share memory go on after crashes",
  doc = "Checkpoints of 16 ranks that share memory, under each manager, and crashes of nodes.",
  machine = paragon {
    rows = 4, columns = 5, io_nodes = 2, storage = { kind = "raid3" }, faults = faults,
    graph = graphs.svm_cuts, detector_delay = "5ms",
    os = services.list(services.nx, services.pfs, services.checkpoints {
      interval = "40ms", policy = "cow", incremental = true, retry = "10ms",
      sink = param("sink", "memory"),
    }),
  },
  workload = workload,
  sweep = {
    product = {
      program = programs, manager = managers, crashes = { 0, 1, 4 },
    },
  },
  measures = { "svm.time.max", "svm.memory.mean", "ckpt.committed", "ckpt.restarts", "ckpt.pages",
               "ckpt.copies" },
  expectations = expectations,
}
