-- Files of the archive in two classes of service: small ones on single cartridges, in two copies,
-- large ones on stripes of two.  Programs write them, give them names, remove every other one, have
-- what is left repacked, and read it back by name; every byte is compared.
--
--   psim run tape_bitfiles
--   psim run tape_bitfiles -p files=40 -p remove=2
--   psim run tape_bitfiles -p repack=0          only what is empty becomes blank
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local volumes, stripes = 60, 30

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 200, nil, "all", "service"
silo.cartridges = { count = volumes + 2 * stripes }
local tape = merge(include("tapes/dlt4000.lua"), { cartridge = "" })

return {
  title = "Files of an archive, in classes",
  doc = "Bitfiles of two classes are written, removed, repacked, and read back.",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 4, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.bitfiles {
      storage = {
        volumes = volumes, filled = 0, block = "64KiB", capacity = 160, pieces = 100,
        classes = {
          { volumes = stripes, width = 2, block = "64KiB", capacity = 320, pieces = 100 },
        },
      },
      bitfile = {
        classes = {
          { name = "small", storage = 0, copies = 2, max = "2MB" },
          { name = "large", storage = 1, copies = 1 },
        },
      },
    }),
  },
  workload = {
    kind = "bitfiles", nodes = param("nodes", 2), files = param("files", 16), names = true,
    size = "100kB", largest = "8MB", window = 4, remove = param("remove", 2),
    repack = param("repack", 60),
  },
  measures = {
    "bitfiles.write.mean", "bitfiles.read.mean", "bitfiles.name.mean", "bitfiles.repack.mean",
    "bitfile.segments", "bitfile.moved", "bitfile.blanked", "bitfiles.failed.max",
  },
}
