-- A job whose files belong to its checkpoints, over an archive: the I/O nodes migrate the files
-- of PFS to tape and purge them, until the first checkpoint of each; from then on it stays on the
-- disk.  Whatever crashes in between, the files have the bytes that they have without an archive.
--
--   psim run hsm_ckpt
--   psim run hsm_ckpt -p io=4              an I/O node crashes, too (-p at=100s)
--   psim run hsm_ckpt -p program=matrix
--
-- Names, and the images of the ranks, are on the service node's disk: a device that a node has
-- under the layer hsm has files of one service alone.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local graphs = include "parts/graphs.lua"

local crashes, io = param("crashes", 0), param("io", 0)
local archive = param("archive", "yes", { "no", "yes" })
local drives = 2

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 100, nil, "all", "service"
silo.cartridges = { count = 40 }

local here = { { layer = "keep" }, { layer = "lfs" } }
local parts = archive == "no" and here or {
  { layer = "hsm", piece = "16KiB", space = param("space", "2MiB"), start = 10, stop = 0,
    age = "2s", poll = "5s" },
  here[1], here[2],
}

local schedule = {
  { path = "node 5", at = "60s" }, { path = "node 0", at = "110s" },
  { path = "node 2", at = "160s" }, { path = "node 6", at = "160s" },
}
local faults = {}
for k = 1, crashes do
  faults[k] = { path = schedule[k].path, at = schedule[k].at, after = "50ms" }
end
if io > 0 then
  faults[#faults + 1] = { path = "node " .. io, at = param("at", "100s"), after = "1s" }
end

local expectations = {}
for _, with in ipairs { { "no", 4 }, { "yes", 0 }, { "yes", 4 } } do
  for _, what in ipairs { "files", "memory" } do
    expectations[#expectations + 1] = {
      kind = "ratio", name = ("archive %s, %d crashes: the same %s"):format(with[1], with[2], what),
      measure = "job." .. what .. ".mean", at = { archive = with[1], crashes = with[2] },
      over = { archive = "no", crashes = 0 }, min = 1, max = 1,
      citation = "derived: neither a restart nor a way to tape and back changes a byte",
    }
  end
end

return {
  title = "Checkpoints of files that migrate",
  doc = "A job of 8 ranks over PFS and an archive, and crashes of its nodes.",
  machine = paragon {
    rows = 4, columns = 5, io_nodes = 3, release = "R1.4", storage = { kind = "raid3" },
    libraries = { silo = silo },
    nodes = {
      tape = { last = drives, storage = merge(include("tapes/dlt4000.lua"), { cartridge = "" }) },
      service = { storage = { kind = "disk" } },
    },
    faults = faults, detector_delay = "10ms", graph = graphs.cuts,
    os = services.list(services.kept {
      pfs_server = { files = parts }, pfs_meta = { names = here },
      file_server = { on = param("images", "service"), files = here },
    }, services.bitfiles {
      mover = { on = "tape" },
      storage = { volumes = 40, filled = 0, block = "16KiB", capacity = 2000 },
    }, services.checkpoints {
      interval = param("interval", "20s"), policy = "cow", incremental = true, retry = "20ms",
      sink = "file", system = "pfs", algorithm = param("algorithm", "sns"),
    }),
  },
  workload = {
    kind = "job", program = param("program", "update"), system = "pfs", nodes = 8,
    memory = "16KiB", steps = 8, meet = 4, order = 64, strip = 4, file = "32KiB", block = "4KiB",
    think = "10s", uneven = true,
  },
  sweep = { product = { archive = { "no", "yes" }, crashes = { 0, 4 } } },
  measures = { "job.time.max", "job.files.mean", "job.memory.mean", "ckpt.stop.max",
               "ckpt.restarts", "ckpt.numbers", "ckpt.undone", "hsm.migrated", "hsm.purged",
               "hsm.staged" },
  expectations = expectations,
}
