-- Files belong to the checkpoints of a job: programs whose state is in files, too, go on after
-- crashes of their nodes, and all files have the bytes that they have in a run without failures.
-- Over PFS (the layer keep), over Vesta (its own checkpoints), and on files of a server.
--
--   psim run ckpt_files
--   psim run ckpt_files -p interval=100ms     more checkpoints, more of them under way at a crash
--   psim run ckpt_files -p algorithm=ns       programs go on while they are saved (cl, ns)
--   psim run ckpt_files -p workload.together=true -p program=update -p system=pfs
--                                             requests of all ranks together, M_SYNC and M_GLOBAL
--   psim run ckpt_files -p workload.late=true  all open the product's file when it is its turn
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local graphs = include "parts/graphs.lua"

local system, crashes = param("system", "pfs"), param("crashes", 0)

local kept = { { layer = "keep" }, { layer = "lfs" } }
local lists = {
  pfs = services.kept { pfs_server = { files = kept }, file_server = { files = kept } },
  vesta = services.vesta_stored { flush_delay = "1h" },
  files = {
    { service = "nx" }, { service = "file_server", files = kept },
    { service = "file_client", files = { { layer = "remote" } } },
  },
}

local schedule = {
  { path = "node 5", at = "1100ms" }, { path = "node 0", at = "3300ms" },
  { path = "node 2", at = "5200ms" }, { path = "node 6", at = "5200ms" },
}
local faults = {}
for k = 1, crashes do
  faults[k] = { path = schedule[k].path, at = schedule[k].at, after = "50ms" }
end

local programs, systems = { "matrix", "update" }, { "pfs", "vesta", "files" }
local expectations = {}
for _, program in ipairs(programs) do
  for _, over in ipairs(systems) do
    for _, what in ipairs { "files", "memory" } do
      expectations[#expectations + 1] = {
        kind = "ratio", name = ("%s over %s, 4 crashes: the same %s"):format(program, over, what),
        measure = "job." .. what .. ".mean", at = { program = program, system = over, crashes = 4 },
        over = { program = program, system = over, crashes = 0 }, min = 1, max = 1,
        citation = "derived: a restart equals no failure",
      }
    end
  end
end

return {
  title = "A job whose files go back with it",
  doc = "Checkpoints of 8 ranks and of their files, and crashes of their nodes.",
  machine = paragon {
    rows = 3, columns = 5, io_nodes = 3, release = "R1.4", storage = { kind = "raid3" },
    faults = faults, detector_delay = "10ms", graph = graphs.cuts,
    os = services.list(lists[system], services.checkpoints {
      interval = param("interval", "400ms"), policy = "cow", incremental = true, retry = "20ms",
      sink = "file", system = system, algorithm = param("algorithm", "sns"),
    }),
  },
  workload = {
    kind = "job", program = param("program", "update"), system = system, nodes = 8,
    memory = "16KiB", steps = 24, meet = 4, order = 64, strip = 4, file = "32KiB", block = "4KiB",
    think = "20ms", uneven = true,
  },
  sweep = { product = { program = programs, system = systems, crashes = { 0, 1, 4 } } },
  measures = { "job.time.max", "job.files.mean", "job.memory.mean", "ckpt.stop.max",
               "ckpt.restarts", "ckpt.committed", "ckpt.numbers", "ckpt.undone" },
  expectations = expectations,
}
