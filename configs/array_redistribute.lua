-- An array of 1024 x 1024 numbers in one file, in row order, read into four distributions: each
-- program asks for its pieces itself (direct), or all move it in two phases.
--
--   psim figure array_redistribute -j2
--
-- What a distribution is called here, and what HPF says: docs/models/arrays.md.
local paragon = include "machines/paragon.lua"

local hpf = {
  row = "(BLOCK, *)", column = "(*, BLOCK)", block = "(BLOCK, BLOCK)",
  block_cyclic = "(CYCLIC(32), CYCLIC(32))",
}
local names = { "row", "block", "column", "block_cyclic" }
local source = "del Rosario, Bordawekar, Choudhary, Improved parallel I/O via a two-phase run-time "
  .. "access strategy, 1993: abstract"

-- The time of one distribution over that of another, by one method.
local function over(a, b, method, min, max, doc, confidence)
  return { kind = "ratio", name = method .. ": " .. a .. " over " .. b,
           measure = "arrays.time.mean",
           at = { distribution = a, ["workload.method"] = method },
           over = { distribution = b, ["workload.method"] = method }, min = min, max = max,
           doc = confidence == nil and doc or nil, citation = confidence and doc or nil,
           confidence = confidence }
end

return {
  title = "An array read into four distributions",
  machine = paragon {
    rows = 4, columns = 6, io_nodes = 4, model = param("machine.network.model", "ideal"),
    storage = { kind = "raid3" },
  },
  workload = {
    kind = "arrays", operation = param("op", "read"), nodes = 16, rows = param("n", 1024),
    columns = param("n", 1024), from = hpf[param("distribution", "row", hpf)],
    method = param("workload.method", "two_phase"), memory = param("memory", "1MiB"),
    collective = { buffer = "1MiB" },
  },
  sweep = {
    product = { distribution = names, ["workload.method"] = { "pieces", "list", "two_phase" } },
  },
  measures = { "arrays.time", "coll.requests", "coll.requested", "coll.exchanged" },
  figure = {
    x = "distribution", y = "arrays.time.mean", by = "workload.method",
    x_label = "distribution", y_label = "time to read the array",
    expectations = {
      over("column", "row", "pieces", 4, nil,
        "each program asks for 512 bytes at a time, 1,024 times"),
      over("block_cyclic", "row", "pieces", 3, nil,
        "2,048 requests of 256 bytes from each program"),
      over("block", "row", "two_phase", 0.5, 2, source, "medium"),
      over("column", "row", "two_phase", 0.5, 2, source, "medium"),
      over("block_cyclic", "row", "two_phase", 0.5, 2, source, "medium"),
      { kind = "ratio", name = "columns: direct over two-phase", measure = "arrays.time.mean",
        at = { distribution = "column", ["workload.method"] = "pieces" },
        over = { distribution = "column", ["workload.method"] = "two_phase" }, min = 4,
        citation = source, confidence = "medium" },
      { kind = "ratio", name = "rows: direct over two-phase", measure = "arrays.time.mean",
        at = { distribution = "row", ["workload.method"] = "pieces" },
        over = { distribution = "row", ["workload.method"] = "two_phase" }, min = 0.8, max = 1.3,
        doc = "the distribution that is that of the file: nothing to exchange" },
    },
  },
}
