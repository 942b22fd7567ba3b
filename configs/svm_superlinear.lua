-- Speed-up of the PDE whose data exceed the memory of one node, but not of two: more than the number
-- of nodes, because one node pages to disk in every iteration.  svm_disk shows the transfers.
local ipsc2 = include "machines/ipsc2.lua"

local CITE = "Li and Hudak, ACM TOCS 7(4), 1989: superlinear speed-up of the PDE, 50^3"

-- The time on one node divided by the time on `nodes`.
local function speedup(nodes, min, max)
  return {
    kind = "ratio", name = "speed-up on " .. nodes .. " nodes",
    at = { ["workload.nodes"] = 1 }, over = { ["workload.nodes"] = nodes },
    min = min, max = max, citation = CITE,
  }
end

return {
  title = "Superlinear speed-up: the PDE with more data than one node's memory",
  doc = "iPSC/2; the I/O node pages for the nodes to one disk.",
  machine = ipsc2 {
    dimension = 4, io_nodes = 1, storage = include "disks/hp_97560.lua",
    os = { memory_server = { on = true, store = { frames = 0 } } },
    graph = {
      { name = "mesh", protocol = "mesh" },
      { name = "svm", protocol = "svm", below = { "mesh" } },
      { name = "sync", protocol = "sync", below = { "mesh" } },
      { name = "blast", protocol = "blast", below = { "mesh" } },
      { name = "chan", protocol = "chan", below = { "blast" } },
      { name = "rpc", protocol = "select", below = { "chan" } },
    },
  },
  workload = {
    kind = "svm_pde", n = 50, iterations = param("workload.iterations", 8), made_by_one = true,
    nodes = param("workload.nodes", 1), svm = { manager = param("manager", "dynamic") },
    memory = { page = "4KiB", frames = param("frames", 320), replacement = "lru" },
    paging = { backing = "io" },
  },
  sweep = { product = { ["workload.nodes"] = { 1, 2, 3, 4, 5, 6, 7, 8 } } },
  measures = { "svm.time", "svm.disk_transfers.mean", "svm.disk_last" },
  figure = {
    x = "workload.nodes", y = "svm.time.mean", over = { ["workload.nodes"] = 1 },
    x_label = "nodes", y_label = "speed-up",
    expectations = { speedup(2, 2), speedup(3, 3), speedup(4, 4) },
  },
}
