-- C = A B out of core by GAXPY: what a slab in memory has, how much memory there is, and where the
-- arrays are: one file for all over PFS, or a file for each program on its node's disk.
--
--   psim figure array_multiply -j2
--
-- By column slabs a program reads its part of A once for each column of C, by row slabs once in
-- all, and its part of B once for each slab (docs/models/arrays.md).
local paragon = include "machines/paragon.lua"

local slab, place = param("slab", "rows"), param("place", "one file", { "one file", "own disks" })
local own = place == "own disks"
local source = "Bordawekar, Choudhary, Thakur, Data access reorganizations in compiling "
  .. "out-of-core data parallel programs on distributed memory machines, 1994; as recalled"

local function case(s, p, memory)
  return { slab = s, place = p, memory = memory }
end
local function over(name, measure, a, b, min, max, doc, confidence)
  return { kind = "ratio", name = name, measure = measure, at = a, over = b, min = min, max = max,
           doc = confidence == nil and doc or nil, citation = confidence and doc or nil,
           confidence = confidence }
end

return {
  title = "A product out of core: slabs, memory, placement",
  machine = paragon {
    rows = 2, columns = 4, io_nodes = 2, model = param("machine.network.model", "ideal"),
    storage = { kind = "disk" },
    os = own and { { service = "nx" }, { service = "file_client" } } or nil,
    nodes = own and { compute = { storage = { kind = "disk" } } } or nil,
  },
  workload = {
    kind = "arrays", operation = "multiply", nodes = 4, rows = param("n", 512),
    columns = param("n", 512), slab = slab, memory = param("memory", 128) .. "KiB",
    system = own and "files" or "pfs", placement = own and "local" or "global",
    order = param("order", "columns"), method = param("workload.method", "list"),
    reuse = param("reuse", false),
  },
  sweep = {
    product = {
      slab = { "columns", "rows" }, place = { "one file", "own disks" },
      memory = { 64, 128, 256, 1024 },
    },
  },
  measures = { "arrays.time", "arrays.bandwidth", "array.read", "array.written" },
  figure = {
    x = "memory", y = "arrays.time.mean", by = "slab", where = { place = "own disks" }, log = "xy",
    x_label = "memory of a program [KiB]", y_label = "time of the product",
  },
  expectations = {
    over("own disks, 128 KiB: column slabs over row slabs", "arrays.time.mean",
      case("columns", "own disks", 128), case("rows", "own disks", 128), 5, nil, source, "low"),
    over("one file, 128 KiB: column slabs over row slabs", "arrays.time.mean",
      case("columns", "one file", 128), case("rows", "one file", 128), 5, nil, source, "low"),
    over("bytes read, 128 KiB: column slabs over row slabs", "array.read",
      case("columns", "own disks", 128), case("rows", "own disks", 128), 40, 70,
      "A once for each of 512 columns, against A once and B once for each of 8 slabs"),
    over("all of A in memory: column slabs over row slabs", "arrays.time.mean",
      case("columns", "own disks", 1024), case("rows", "own disks", 1024), 0.99, 1.01,
      "one slab of either shape is the whole part"),
    over("row slabs: 64 KiB over 256 KiB", "array.read", case("rows", "own disks", 64),
      case("rows", "own disks", 256), 2, 4, "B comes once for each slab of A"),
  },
}
