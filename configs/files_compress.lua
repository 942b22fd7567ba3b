-- Files whose bytes are kept compressed: time and room on the disk against time of the CPU.
--
--   psim run files_compress
--   psim figure files_compress
--
-- Programs write files on their nodes' own disks, or read them, with the layer `compress` above the
-- local file system or without it.  Of each 64 bytes `zeros` are zero: the more, the better a file
-- can be compressed.
local paragon = include "machines/paragon.lua"

local layer = param("layer", "none", { "none", "compress" })
local files = { { layer = "lfs" } }
if layer == "compress" then
  table.insert(files, 1, { layer = "compress", unit = param("unit", "32KiB") })
end

local function case(what, with, zeros)
  return { op = what, layer = with, zeros = zeros }
end
local function read_over(name, zeros, min, max, doc)
  return { kind = "ratio", name = name, measure = "file.bandwidth",
           at = case("read", "compress", zeros), over = case("read", "none", zeros),
           min = min, max = max, doc = doc }
end

return {
  title = "Files with and without compression",
  machine = paragon {
    rows = 2, columns = 3, io_nodes = 0, storage = { kind = "disk" },
    os = { { service = "nx" }, { service = "file_client", files = files } },
    nodes = { compute = { storage = { kind = "disk" } } },
  },
  workload = {
    kind = "io", system = "files", access = "partitioned", file = "own",
    op = param("op", "read", { "read", "write" }), zeros = param("zeros", 0),
    nodes = 4, size = param("size", "64KiB"), requests = 32, warmup = 0, sync = "close",
  },
  sweep = { product = { op = { "write", "read" }, zeros = { 0, 32, 56 },
                        layer = { "none", "compress" } } },
  measures = { "file.bandwidth", "file.latency", "compress.in", "compress.out", "compress.units",
               "compress.whole" },
  figure = {
    x = "zeros", y = "file.bandwidth", by = { "op", "layer" }, y_label = "bandwidth",
    x_label = "zeros of each 64 bytes",
  },
  expectations = {
    { kind = "ratio", name = "bytes below, 56 zeros over none", measure = "compress.out",
      at = case("write", "compress", 56), over = case("write", "compress", 0),
      min = 0.25, max = 0.3,
      doc = "of 64 bytes 9 stay, 3 items are copies, and 12 items have 1.5 bytes of control bits" },
    { measure = "compress.whole", at = case("write", "compress", 0), min = 250,
      doc = "no unit of random bytes shrinks" },
    read_over("reading, 56 zeros", 56, 2.5, 4.5, "a quarter of the bytes comes from the disk"),
    read_over("reading, 32 zeros", 32, 1.2, 2, "some 60 % of the bytes"),
    read_over("reading, random bytes", 0, 0.9, 1, "all of the bytes, their heads and sums"),
  },
}
