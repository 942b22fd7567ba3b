-- The transpose of an array of 1 GiB, 512 x 512 elements of 4 KiB: 64 programs, 16 I/O nodes, from
-- one file to another.  How much of its part a program holds at once, and whether a slab is some of
-- its rows or of its columns.
--
--   psim figure array_transpose -j2
--   psim check array_transpose -p n=128 -p workload.method=list
--
-- The elements are pieces of a pattern; each is compared afterwards.
local paragon = include "machines/paragon.lua"

local function case(slab, memory)
  return { slab = slab, memory = memory }
end
local function over(name, measure, a, b, min, max, doc)
  return { kind = "ratio", name = name, measure = measure, at = a, over = b, min = min, max = max,
           doc = doc }
end

return {
  title = "A transpose of 1 GiB out of core",
  machine = paragon {
    rows = 9, columns = 9, io_nodes = 16, model = param("machine.network.model", "ideal"),
    storage = { kind = "raid3" },
  },
  workload = {
    kind = "arrays", operation = "transpose", nodes = 64, rows = param("n", 512),
    columns = param("n", 512), from = "(BLOCK, *)", to = "(BLOCK, *)", element = "4KiB",
    slab = param("slab", "rows"), memory = param("memory", 4) .. "MiB",
    method = param("workload.method", "two_phase"),
  },
  sweep = {
    product = { slab = { "rows", "columns" }, memory = { 4, 16 } },
  },
  measures = { "arrays.time", "arrays.bandwidth", "array.read" },
  figure = {
    x = "memory", y = "arrays.bandwidth", by = "slab", log = "x",
    x_label = "memory of a program [MiB]",
    y_label = "bytes read and written a second",
  },
  expectations = {
    over("all of a part at once over a quarter of its rows", "arrays.bandwidth",
      case("rows", 16), case("rows", 4), 1.5, 3,
      "four slabs go over the first file four times, each for its columns"),
    over("columns over rows, a quarter of a part", "arrays.bandwidth", case("columns", 4),
      case("rows", 4), 1.3, 2, "what a slab is of is then whole rows of the first file"),
    over("all of a part at once: columns over rows", "arrays.bandwidth", case("columns", 16),
      case("rows", 16), 0.99, 1.01, "one slab either way"),
  },
}
