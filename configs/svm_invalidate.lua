-- Time of a write that invalidates m copies: one after another against down a tree.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local CITE = "Li and Hudak, ACM TOCS 7(4), 1989: linear against logarithmic"

-- What twice as many copies do to the time of the write.
local function doubling(manager, min, max)
  return {
    kind = "ratio", name = manager .. ": 256 copies instead of 128",
    at = { ["workload.svm.manager"] = manager, ["workload.nodes"] = 257 },
    over = { ["workload.svm.manager"] = manager, ["workload.nodes"] = 129 },
    min = min, max = max, citation = CITE,
  }
end

return {
  title = "Shared virtual memory: time of a write against nodes, which all hold a copy",
  doc = "The tree has a fanout of 2; without a bound it is flat, for all readers ask the writer.",
  machine = paragon {
    rows = 16, columns = 32,
    release = param("release", "R1.4"),
    graph = graphs.svm,
  },
  workload = {
    kind = "svm_pattern", pattern = "readers", rounds = 5, pages = 1,
    nodes = param("workload.nodes", 4),
    svm = { manager = "tree", fanout = 2 },
  },
  sweep = {
    product = {
      ["workload.svm.manager"] = { "central", "improved", "dynamic", "tree" },
      ["workload.nodes"] = { 2, 3, 5, 9, 17, 33, 65, 129, 257 },
    },
  },
  measures = { "svm.write_time.mean", "svm.invalidations.mean" },
  figure = {
    x = "workload.nodes", y = "svm.write_time.mean", by = "workload.svm.manager", log = "xy",
    x_label = "nodes", y_label = "time of the write",
    expectations = {
      doubling("central", 1.4, 2),
      doubling("dynamic", 1.4, 2),
      doubling("tree", 1, 1.15),
      {
        kind = "ratio", name = "256 copies: the tree is faster than one after another",
        at = { ["workload.svm.manager"] = "tree", ["workload.nodes"] = 257 },
        over = { ["workload.svm.manager"] = "central", ["workload.nodes"] = 257 },
        max = 0.5, citation = CITE,
      },
    },
  },
}
