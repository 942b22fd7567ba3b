-- Repack: of full volumes of which half is not needed any more the rest goes to another volume.
-- The drive that reads and the one that writes work at once, and the bytes cross the network once,
-- when segments go from drive to drive; through the memory of the bitfile server they cross it
-- twice, and the drives take turns.
--
--   psim run tape_repack
--   psim run tape_repack -p direct=false -p size=64
--   psim figure tape_repack
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local direct, size, width = param("direct", true), param("size", 32), param("width", 1)
local drives = param("drives", 2 * width)  -- with fewer, and for parity: through memory
local files, volumes = 16, 20  -- files of `size` MB; 8 fill a volume

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 200, nil, "all", "service"
silo.cartridges = { count = volumes * width }
local tape = merge(include("tapes/dlt4000.lua"), { cartridge = "", largest = "1MiB" })

local function less(size, measure, name, most)
  return {
    kind = "ratio", name = string.format("%d MB: %s", size, name), measure = measure,
    at = { direct = true, size = size }, over = { direct = false, size = size }, max = most,
    citation = "derived: max and not sum of reading and writing, one crossing and not two",
  }
end
local expectations = {}
for _, s in ipairs { 32, 64 } do
  expectations[#expectations + 1] =
    less(s, "bitfiles.repack.mean", "reading goes on beside writing", 0.87)
  expectations[#expectations + 1] =
    less(s, "nic.bytes_out", "what is moved crosses the network once", 0.82)
end

return {
  title = "Repack, from drive to drive and through memory",
  doc = "Half of the files of two volumes are removed, and the volumes repacked.",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = drives, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.bitfiles {
      storage = {
        volumes = volumes, filled = 0, width = width, block = "1MB", capacity = 8 * size,
        pieces = 100,
      },
      bitfile = { repack = { direct = direct, buffer = "1GB" } },
    }),
  },
  workload = {
    kind = "bitfiles", nodes = 1, files = files + 1, window = 1, size = size .. "MB", remove = 2,
    repack = 60,
  },
  sweep = { product = { direct = { true, false }, size = { 8, 16, 32, 64 } } },
  measures = {
    "bitfiles.repack.mean", "bitfile.moved", "bitfile.copied", "bitfile.blanked",
    "nic.bytes_out", "bitfiles.failed.max",
  },
  figure = {
    x = "size", y = "bitfiles.repack.mean", by = "direct", log = "xy",
    x_label = "MB of a file; eight are moved", y_label = "repack of two volumes",
    expectations = expectations,
  },
}
