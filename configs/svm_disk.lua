-- Disk transfers of each iteration of the PDE, on one node, whose memory its data exceed, and on
-- two.  One node makes the grid; 2 x 50^3 points are 490 pages of 4 KiB, a node has frames for 320.
local ipsc2 = include "machines/ipsc2.lua"
local graphs = include "parts/graphs.lua"

local CITE = "Li and Hudak, ACM TOCS 7(4), 1989: disk transfers of the PDE, shape"

local function transfers(nodes, iteration)
  return { ["workload.nodes"] = nodes, ["workload.iterations"] = iteration }
end

return {
  title = "Disk transfers of each iteration of the PDE, on one node and on two",
  doc = "iPSC/2; the I/O node pages for the nodes to one disk.",
  machine = ipsc2 {
    dimension = 4, io_nodes = 1, storage = include "disks/hp_97560.lua",
    os = { { service = "memory_server", frames = 0 } },
    graph = graphs.svm_paging,
  },
  workload = {
    kind = "svm_pde", n = 50, iterations = param("workload.iterations", 8), made_by_one = true,
    nodes = param("workload.nodes", 1), svm = { manager = param("manager", "dynamic") },
    memory = { page = "4KiB", frames = param("frames", 320), replacement = "lru" },
    paging = { backing = "io" },
  },
  sweep = {
    product = {
      ["workload.nodes"] = { 1, 2 },
      ["workload.iterations"] = { 1, 2, 3, 4, 5, 6, 7, 8 },
    },
  },
  measures = { "svm.disk_last", "svm.time" },
  figure = {
    x = "workload.iterations", y = "svm.disk_last", by = "workload.nodes",
    x_label = "iteration", y_label = "disk transfers in it",
    expectations = {
      {
        kind = "range", name = "one node: of the order of 1,000 in every iteration",
        at = transfers(1, 8), min = 400, max = 1500, citation = CITE,
      },
      {
        kind = "ratio", name = "one node: as many in the last as in the second",
        at = transfers(1, 8), over = transfers(1, 2), min = 0.95, max = 1.05, citation = CITE,
      },
      {
        kind = "ratio", name = "two nodes: at most 5 % of them after iteration 3",
        at = transfers(2, 4), over = transfers(1, 4), max = 0.05, citation = CITE,
      },
      {
        kind = "ratio", name = "two nodes: and in the last",
        at = transfers(2, 8), over = transfers(1, 8), max = 0.05, citation = CITE,
      },
    },
  },
}
