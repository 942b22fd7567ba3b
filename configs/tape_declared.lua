-- Bitfiles that the archive had from the start: number n lies where n says, until it is first
-- changed.  The tables of ten million of them, and of forty, cost no memory; programs draw some,
-- ask where they lie, read them, and compare every byte.
--
--   psim run tape_declared
--   psim run tape_declared -p volumes=50000     1 PB, forty million bitfiles
--   psim figure tape_declared                   finding one costs the same, however many there are
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local volumes, blocks, size = param("volumes", 12500), 20000, 25  -- of 1 MB; MB of a bitfile
local files = volumes * (blocks // size)

local silo = include("libraries/stk4400.lua")
silo.kind, silo.cells, silo.rows, silo.columns = "silo", volumes + 500, (volumes + 699) // 200, 100
silo.drives, silo.tape_drives, silo.control = nil, "all", "service"
silo.cartridges = { count = volumes, filled = volumes, blocks = blocks, block = "1MB" }
local tape = merge(include("tapes/dlt4000.lua"), { cartridge = "", largest = "1MiB" })
local disks = { kind = "raid0", members = 4, member = include("disks/st32171w.lua") }

return {
  title = "Bitfiles that were there from the start",
  doc = "Some of millions of declared bitfiles are found, read, and compared.",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 8, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = disks } },
    os = services.list(services.nx, services.bitfiles {
      storage = {
        volumes = volumes, filled = volumes, block = "1MB", blocks = blocks, capacity = blocks,
        pieces = 800,
      },
      pvl = { patience = "1000h" },
      bitfile = { bitfiles = files + 1000, declared = files, size = size .. "MB" },
    }),
  },
  workload = {
    kind = "bitfiles", nodes = 2, files = param("files", 0), old = param("old", 50),
    old_files = files, old_each = blocks // size, window = 4, reads = 0,
    rest = "1h",  -- the tables are made meanwhile
  },
  sweep = { product = { volumes = { 12500, 25000, 50000 } } },
  measures = {
    "bitfiles.stat.mean", "bitfiles.read.mean", "bitfiles.failed.max", "bitfile.reads",
    "mover.blocks", "pvl.mounts",
  },
  figure = {
    x = "volumes", y = "bitfiles.stat.mean", log = "x",
    x_label = "cartridges, each with 800 bitfiles", y_label = "finding one of them, mean",
    expectations = {
      {
        kind = "range", name = "each of 100 takes one page", measure = "bitfile.reads",
        at = { volumes = 50000 }, min = 97, max = 100,
        citation = "derived: a record is in one page; of millions hardly two of 100 are in one",
      },
      {
        kind = "ratio", name = "4 10^7 and 10^7: what the ways on the disks are longer",
        at = { volumes = 50000 }, over = { volumes = 12500 }, min = 0.9, max = 1.35,
        citation = "derived: a page is a page; the table is four times as long",
      },
    },
  },
}
