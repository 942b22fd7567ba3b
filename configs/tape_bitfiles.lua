-- Files of the archive in two classes of service: small ones on single cartridges, in two copies,
-- large ones on stripes of two.  Programs write them, give them names, remove every other one, have
-- what is left repacked, and read it back by name; every byte is compared.
--
--   psim run tape_bitfiles -p remove=2 -p repack=60
--   psim run tape_bitfiles -p files=40 -p remove=2 -p repack=60
--   psim run tape_bitfiles -p repack=0 -p remove=2   only what is empty becomes blank
--   psim figure tape_bitfiles                   how much is moved for how many blank volumes
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
  sweep = { product = { remove = { 2, 4 }, repack = { 0, 45, 60, 90 } } },
  figure = {
    x = "repack", y = "bitfile.moved", by = "remove",
    x_label = "percent of a volume that is live at most, to be repacked",
    y_label = "segments moved",
    expectations = {
      {
        kind = "range", name = "nothing is moved off what is empty",
        at = { remove = 2, repack = 0 }, min = 0, max = 0, citation = "derived",
      },
      {
        kind = "ratio", name = "each second file removed: no more is moved than is left",
        at = { remove = 2, repack = 90 }, over = { remove = 4, repack = 90 }, max = 1,
        citation = "derived: half of the files are left, against three quarters",
      },
    },
  },
}
