-- Hard errors.  Ten files of 31 blocks each are written in one copy or in two; then places of the
-- first cartridge are damaged, and all files are read twice.  With one copy exactly those are lost,
-- and named, that lie there; with two none is, and what is damaged is made anew from the other
-- copy, so that the second reading finds all first copies again.
--
--   psim run tape_copies -p copies=1                  files 2 and 3 are lost
--   psim run tape_copies -p copies=1 -p sector=0 -p sectors=1
--   psim run tape_copies                              two copies
--   psim run tape_copies -p heal=false                which stay damaged
--   psim run tape_copies -p fault=mislabel            the cartridge itself cannot be had
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local copies, volumes = param("copies", 2), 20

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 100, nil, "all", "service"
silo.cartridges = { count = volumes }
local tape = merge(include("tapes/dlt4000.lua"), { cartridge = "" })

local at = param("at", "300s")  -- all are written, and none is read yet
local faults = {
  sector = { { path = "io0.0", action = "sector", sector = param("sector", 92),
               sectors = param("sectors", 2), at = at } },
  mislabel = { { path = "silo", action = "mislabel", label = "V000000", as = "X", at = at } },
}

return {
  title = "Hard errors, and copies",
  doc = "Files in one copy or two, of which places of a cartridge are damaged, are read twice.",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = param("drives", 3), storage = tape,
    libraries = { silo = silo }, nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.bitfiles {
      storage = { volumes = volumes, filled = 0, block = "64KiB", capacity = 1000, pieces = 100 },
      pvl = { dismount_after = "8min" },
      bitfile = {
        classes = { { name = "files", copies = copies } },
        repack = { heal = param("heal", true) },
      },
    }),
    faults = faults[param("fault", "sector", faults)],
  },
  workload = {
    kind = "bitfiles", nodes = 1, files = 10, window = 1, size = "2MB", rest = "10min",
    reads = param("reads", 2),
  },
  measures = {
    "bitfiles.write.mean", "bitfiles.read.mean", "bitfiles.failed.max", "bitfile.second",
    "bitfile.healed", "bitfile.segments",
  },
}
