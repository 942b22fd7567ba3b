-- What a layer costs that does nothing: reads through 0 to 6 of them.
--
--   psim figure fs_layers
--
-- Programs read 64 pieces of a file on their own disk again and again, so that all comes from the
-- buffers of the local file system: nothing hides what a layer costs.  A layer is a call of 0.4 us
-- (machine.prices.call); the shortest read takes 60 us and more.
local paragon = include "machines/paragon.lua"

local depth, size = param("depth", 0), param("size", "1KiB")
local files = { { layer = "lfs", buffered = true, block = "16KiB", cache = 2048 } }
for _ = 1, depth do table.insert(files, 1, { layer = "pass" }) end

local function case(layers, bytes)
  return { depth = layers, size = bytes }
end
local function over(layers, bytes, max)
  return { kind = "ratio", name = layers .. " over none, " .. bytes, measure = "file.latency",
           at = case(layers, bytes), over = case(0, bytes), min = 1, max = max,
           doc = "at most 3 % a layer; long reads are copies" }
end

return {
  title = "Layers that do nothing: time of a read against their number",
  machine = paragon {
    rows = 2, columns = 2, io_nodes = 0, storage = { kind = "disk" },
    os = { { service = "nx" }, { service = "file_client", files = files } },
    nodes = { compute = { storage = { kind = "disk" } } },
  },
  workload = {
    kind = "io", system = "files", access = "zipf", op = "read", file = "own", nodes = 2,
    shape = { places = 64, skew = 0 }, size = size, requests = 500, warmup = 400,
  },
  sweep = {
    product = {
      depth = { 0, 1, 2, 3, 4, 5, 6 }, size = { "1KiB", "4KiB", "16KiB", "64KiB", "256KiB" },
    },
  },
  measures = { "file.latency", "pass.requests" },
  figure = {
    x = "depth", y = "file.latency", by = "size", log = "y",
    x_label = "layers", y_label = "time of a read",
  },
  expectations = {
    over(1, "1KiB", 1.03), over(6, "1KiB", 1.18), over(6, "4KiB", 1.03), over(6, "256KiB", 1.01),
    { measure = "file.latency", rises_with = "depth" },
  },
}
