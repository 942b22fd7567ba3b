-- Stripes with parity: a volume of w cartridges of which one has the XOR of the others' blocks, row
-- by row (rait3: always the last; rait5: each in turn).  Six files are written, a cartridge gets
-- lost or a place of it damaged, and all are read back and compared: with parity none is missing.
--
--   psim run tape_rait -p width=4 -p curve='rait3 lost'     a cartridge lies in its cell no more
--   psim run tape_rait -p width=4 -p curve='rait5 sector'   three blocks of it cannot be read
--   psim run tape_rait -p width=4 -p curve='rait5 drive'    its drive dies while it is read
--   psim run tape_rait -p width=4 -p curve='rait0 lost'     its two files are named
--   psim figure tape_rait                                   what it costs, by the width
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local curve = param("curve", "rait5")  -- and what happens
local rait, fault = curve:match("(%w+) ?(%w*)")
local width, per = param("width", 4), 8  -- of a file: MB for each cartridge
local size = per * (rait == "rait0" and width or width - 1)
local volumes = 3

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 200, nil, "all", "service"
silo.cartridges = { count = volumes * width }
local tape = merge(include("tapes/dlt4000.lua"), { cartridge = "", largest = "1MiB" })

-- Two files fill a volume; while the last one is written the first lies in its cells.
local at = ({ [2] = "210s", [4] = "270s", [8] = "390s" })[width]
local early = ({ [2] = "100s", [4] = "120s", [8] = "160s" })[width]  -- while the second is written
local faults = {
  none = {},
  lost = { { path = "silo", action = "lost", label = "V000001", at = at } },
  mislabel = { { path = "silo", action = "mislabel", label = "V000001", as = "X", at = at } },
  sector = { { path = "io1.0", action = "sector", sector = 3, sectors = 3, at = early } },
  drive = { { path = "io1.0", action = "death", at = param("at", "550s") } },
}

local expectations = {}
for _, w in ipairs { 2, 4, 8 } do
  expectations[#expectations + 1] = {
    kind = "ratio", name = w .. " wide: without a cartridge a read takes at most 1.1 times as long",
    at = { curve = "rait5 lost", width = w }, over = { curve = "rait5", width = w }, max = 1.1,
    citation = "derived: the other cartridges are read side by side, each row once",
  }
end

return {
  title = "Stripes of tapes with parity",
  doc = "Files on stripes with and without parity, of which a cartridge gets lost.",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = width, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.bitfiles {
      storage = {
        volumes = volumes, filled = 0, width = width, rait = rait, block = "1MB",
        capacity = 2 * size, pieces = 10,
      },
      pvl = { patience = "10min", retry = "1min" }, mover = { buffers = 4 },
    }),
    faults = faults[fault ~= "" and fault or "none"],
  },
  workload = {
    kind = "bitfiles", nodes = 1, files = 6, window = 1, size = size .. "MB",
  },
  sweep = { product = {
    curve = { "rait0", "rait3", "rait5", "rait5 lost" }, width = { 2, 4, 8 },
  } },
  measures = {
    "bitfiles.write.mean", "bitfiles.read.mean", "bitfiles.failed.max", "storage.mended",
    "storage.degraded", "mover.parities", "pvl.mounts",
  },
  figure = {
    x = "width", y = "bitfiles.read.mean", by = "curve", log = "x",
    x_label = "cartridges of a stripe", y_label = "reading a file, mean",
    expectations = expectations,
  },
}
