-- A checksum with each block of a file: what it costs, and what it finds.
--
--   psim run files_checksum
--
-- Programs write files on their nodes' own disks, or read what is there, with the layer `checksum`
-- above the local file system or without it.  With damage = true bits turn over on one disk before
-- it is read:
--
--   psim run files_checksum -p damage=true -p op=read -p layer=checksum
--
-- The run fails, and says which block of which file it was.
local paragon = include "machines/paragon.lua"

local layer, op = param("layer", "none", { "none", "checksum" }), param("op", "read")
local files = { { layer = "lfs" } }
if layer == "checksum" then table.insert(files, 1, { layer = "checksum" }) end

local function case(what, with)
  return { op = what, layer = with }
end

return {
  title = "Files with and without checksums",
  machine = paragon {
    rows = 2, columns = 3, io_nodes = 0, storage = { kind = "disk" },
    os = { { service = "nx" }, { service = "file_client", files = files } },
    nodes = { compute = { storage = { kind = "disk" } } },
    faults = param("damage", false) and {
      { path = "n0.0", action = "flip", at = "1500ms", sector = 4000, sectors = 60000, byte = 77 },
    } or nil,
  },
  workload = {
    kind = "io", system = "files", access = "partitioned", file = "own", op = op,
    nodes = 4, size = param("size", "64KiB"), requests = 32, warmup = 0, sync = "close",
  },
  sweep = { product = { op = { "write", "read" }, layer = { "none", "checksum" } } },
  measures = { "file.bandwidth", "file.latency", "checksum.summed", "checksum.checked",
               "checksum.bad" },
  figure = {
    x = "op", y = "file.bandwidth", by = "layer", y_label = "bandwidth",
  },
  expectations = {
    { kind = "ratio", name = "reading with checksums over without", measure = "file.bandwidth",
      at = case("read", "checksum"), over = case("read", "none"), min = 0.5, max = 1,
      doc = "the sums, and their bytes on the disk" },
  },
}
