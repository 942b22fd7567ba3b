-- How much should be appended at once?  An append is acknowledged when the drive has written it
-- out, and then the tape stands: the next one waits until it has backed up.  With S bytes, a drive
-- of rate d and a hitch t the rate is S / (t + S / d).
--
--   psim figure tape_appends
--   psim run tape_appends -p window=4    -- appends that have come meanwhile go in one run
--
-- HPSS has 5 to 30 s of data between tape marks as its rule: two thirds and nine tenths of d here.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local d, t = 1.488314, 2.5  -- MB/s, s: a DLT 4000, whose hitch is ASSUMED
local block = 0.032768      -- MB
local sizes = { 8, 23, 45, 91, 227, 454, 1363 }  -- blocks: up to 30 s
local rule = "HPSS R4.5 p. 310: 5 to 30 s of data between tape marks; derived: S / (t + S / d)"

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 200, nil, "all", "service"
silo.cartridges = { count = 16 }
local tape = merge(include("tapes/dlt4000.lua"), { cartridge = "" })

local expectations = {}
for _, n in ipairs(sizes) do
  local S = n * block
  local mb = S / (t + S / d)
  expectations[#expectations + 1] = {
    kind = "range", name = string.format("%.1f s of data", S / d), at = { size = n },
    min = string.format("%dB/s", mb * 0.93e6 // 1), max = string.format("%dB/s", mb * 1.05e6 // 1),
    citation = rule,
  }
end

return {
  title = "A stream into the archive, by how much is appended at once",
  doc = "One program appends to a DLT 4000 cartridge, one piece after the other.",
  machine = paragon {
    rows = 2, columns = 3, io_nodes = 1, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.archive {
      storage = { volumes = 16, filled = 0, block = "32KiB", capacity = 100000, rounds = 1000 },
      mover = { buffers = 4 },
    }),
  },
  workload = {
    kind = "ingest", nodes = 1, appends = 20, size = param("size", 45), window = param("window", 1),
  },
  sweep = { product = { size = sizes } },
  measures = { "ingest.stream.mean", "ingest.append.mean", "tape.hitches" },
  figure = {
    x = "size", y = "ingest.stream.mean", log = "x",
    x_label = "blocks of 32 KiB in an append", y_label = "rate to the tape",
    expectations = expectations,
  },
}
