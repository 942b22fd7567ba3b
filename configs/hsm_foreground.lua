-- What migration costs those who read meanwhile: files of one server that all have room on its
-- disk, and go to tape as soon as they are a minute old, by how fast the drives take them.
--
--   psim figure hsm_foreground
--   psim run hsm_foreground -p size=8MiB     larger files: longer times in which the disk is read
--
-- The programs sweep through the files, with 200 ms to think after each piece.  A file of one
-- piece is read from the disk, then written to tape, then the next: so a slow drive leaves the disk
-- to the programs.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local to, programs = param("to", "dlt4000"), param("workload.nodes", 4)
local size = param("size", "2MiB")
local pieces = ({ ["1MiB"] = 16, ["2MiB"] = 32, ["8MiB"] = 128 })[size]
  or error("size is 1MiB, 2MiB or 8MiB")

local function case(to, n) return { to = to, ["workload.nodes"] = n } end

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 100, nil, "all", "service"
silo.cartridges = { count = 40 }

local drive = include("tapes/" .. (to == "nowhere" and "dlt4000" or to) .. ".lua")

local files = services.list(services.files)
files[2].files = {
  { layer = "hsm", space = "1GiB", age = to == "nowhere" and "1000h" or "1min", poll = "10s" },
  { layer = "lfs", block = "64KiB" },
}

return {
  title = "What migration costs those who read meanwhile",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 1, storage = { kind = "raid3" }, libraries = { silo = silo },
    nodes = {
      tape = { last = 1, storage = merge(drive, { cartridge = "" }) },
      service = { storage = { kind = "disk" } },
    },
    os = services.list(files, services.bitfiles {
      mover = { on = "tape" },
      storage = { volumes = 40, filled = 0, block = "64KiB", capacity = 2000 },
    }),
  },
  workload = {
    kind = "dataset", system = "files", nodes = programs, requests = 600, warmup = 0,
    think = "200ms", think_law = "exponential", settle = "90s",
    piece = "64KiB", walk = { files = 8192 // pieces, pieces = pieces, access = "sweep" },
  },
  sweep = { product = {
    to = { "nowhere", "exb8505", "dlt4000", "dlt8000", "ibm3590" }, ["workload.nodes"] = { 1, 4 },
  } },
  measures = { "dataset.latency", "hsm.migrated" },
  figure = {
    x = "to", y = "dataset.latency", by = "workload.nodes",
    x_label = "drive to which files migrate meanwhile", y_label = "mean time of a read of 64 KiB",
    expectations = {
      { kind = "ratio", name = "1 program: a fast drive against none", at = case("ibm3590", 1),
        over = case("nowhere", 1), min = 1.3, doc = "the disk is read for the tape, too" },
      { kind = "ratio", name = "4 programs: the same", at = case("ibm3590", 4),
        over = case("nowhere", 4), min = 1.2, doc = "the disk is read for the tape, too" },
      { kind = "ratio", name = "1 program: a fast drive against a slow one",
        at = case("ibm3590", 1), over = case("exb8505", 1), min = 1.1,
        doc = "what the drive takes is what the disk gives" },
      { kind = "range", name = "nothing migrates to nowhere", measure = "hsm.migrated",
        at = case("nowhere", 4), max = "0B" },
    },
  },
}
