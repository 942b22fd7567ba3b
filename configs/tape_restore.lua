-- Files come back from an archive: a silo of DLT 4000 cartridges, four drives, and the order in
-- which what is wanted of a cartridge is served.
--
--   psim figure tape_restore
--
-- Four programs ask for files of 1 MiB, a batch at once.  In the order of arrival a larger batch
-- saves mounts alone; orders that know where blocks lie save most of the way along the tape, too.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local volumes, blocks = 8, 64000

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 200, nil, "all", "service"
silo.cartridges = { count = volumes, filled = volumes, blocks = blocks, block = "256KiB" }

local tape = include("tapes/dlt4000.lua")
tape.cartridge = ""

local function faster(name, a, b, batch, most)
  return {
    kind = "ratio", name = name, measure = "restore.time.max", at = { order = a, batch = batch },
    over = { order = b, batch = batch }, max = most,
    citation = "Hillyer & Silberschatz 1996, Sandsta & Midtstraum 1999, known by their results",
  }
end

return {
  title = "Batches of files from tapes",
  doc = "Four programs get files back from 8 cartridges of a silo with four drives.",
  machine = paragon {
    rows = 4, columns = 3, io_nodes = 4, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },  -- the catalogue
    os = services.list(services.nx, services.archive {
      storage = { volumes = volumes, filled = volumes, block = "256KiB", blocks = blocks },
      mover = { order = param("order", "loss") },
    }),
  },
  workload = {
    kind = "restore", nodes = 4, requests = 64, batch = param("batch", 1), law = "batch",
    volumes = volumes, blocks = blocks, file = 4,
  },
  sweep = { product = {
    order = { "fifo", "sort", "scan", "weave", "sltf", "loss", "mpscan" },
    batch = { 1, 4, 16, 64 },
  } },
  measures = { "restore.time.max", "restore.file.mean", "pvl.mounts", "pvl.found", "mover.blocks" },
  figure = {
    x = "batch", y = "restore.time.max", by = "order", log = "xy",
    x_label = "files asked for at once by each program", y_label = "time until all have come",
  },
  expectations = {
    faster("64 at once: nearest first is better than in order of arrival", "sltf", "fifo", 64, 0.9),
    faster("and by regret no worse than that", "loss", "sltf", 64, 1.02),
    faster("sweeps with changes no worse, too", "mpscan", "sltf", 64, 1.02),
  },
}
