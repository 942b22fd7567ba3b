-- Data come into the archive more slowly than its drives can write: the tape of each stops, backs
-- up and starts again.  On a stripe of w cartridges each drive gets a w-th of the stream.
--
--   psim figure tape_ingest
--   psim run tape_ingest -p width=8 -p rate=2000kB/s
--   psim run tape_ingest -p width=2 -p rate=1200kB/s -p nodes=4 -p appends=2
--
-- With a buffer B, a drive of rate d, h of the stream for each drive and a hitch t its rate is
-- [B d / (d - h)] / [B / (d - h) + max(t, B / h)]: all that comes while B is at least h t.  B is
-- the drive's buffer and the two blocks that its mover holds.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local d, t = 1.488314, 2.5      -- MB/s, s: a DLT 4000, whose hitch is ASSUMED
local B = 0.5 + 0.032768        -- MB
local width = param("width", 1)

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 200, nil, "all", "service"
silo.cartridges = { count = 16 * width }
local tape = merge(include("tapes/dlt4000.lua"), { cartridge = "", buffer = { size = "500kB" } })

local function formula(h)  -- MB/s of one drive
  if h >= d then return d end
  return B * d / (d - h) / (B / (d - h) + math.max(t, B / h))
end

local rates = { 100, 200, 400, 600, 800, 1000, 1200, 1400, 2000, 3000, 4000 }  -- kB/s
local expectations = {}
for _, w in ipairs { 1, 2, 4 } do
  for _, kb in ipairs { 200, 600, 1200, 2000 } do
    local mb = w * formula(kb / 1000 / w)
    expectations[#expectations + 1] = {
      kind = "range", name = string.format("%d drives, %d kB/s", w, kb),
      at = { width = w, rate = kb .. "kB/s" },
      min = string.format("%dB/s", mb * 0.93e6 // 1),
      max = string.format("%dB/s", mb * 1.07e6 // 1),
      citation = "derived: the formula above",
    }
  end
end
local all = {}
for i, kb in ipairs(rates) do all[i] = kb .. "kB/s" end

return {
  title = "A stream into the archive, by its rate and the width of its stripe",
  doc = "One append of 131 MB to a stripe of DLT 4000 cartridges; then it is read and compared.",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 4 * ((width + 3) // 4), storage = tape,
    libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.archive {
      storage = { volumes = 16, filled = 0, block = "16KiB", capacity = 100000, width = width },
      mover = { buffers = 2 },
    }),
  },
  workload = {
    kind = "ingest", nodes = param("nodes", 1), appends = param("appends", 1), size = 8000,
    window = 1, rate = param("rate", "600kB/s"),
  },
  sweep = { product = { width = { 1, 2, 4 }, rate = all } },
  measures = { "ingest.stream.mean", "ingest.time.max", "tape.hitches", "mover.written" },
  figure = {
    x = "rate", y = "ingest.stream.mean", by = "width",
    x_label = "rate at which the data come", y_label = "rate to the tapes",
    expectations = expectations,
  },
}
