-- Speed-up of the PDE whose data exceed the memory of one node, but not of two: more than the
-- number of nodes, because one node pages to disk in every iteration (svm_disk shows the
-- transfers).  With a memory server in the disk's place a page costs less, and half of it is left.
local ipsc2 = include "machines/ipsc2.lua"
local graphs = include "parts/graphs.lua"
local services = include "parts/services.lua"

local CITE = "Li and Hudak, ACM TOCS 7(4), 1989: superlinear speed-up of the PDE, 50^3"

local backings = {
  disk = { paging = "io", os = services.memory { frames = 0 } },
  ["memory server"] = {
    paging = "servers",
    os = services.list(services.memory { frames = 4096 },
      services.memory { on = "memory", frames = 4096 }),
  },
}
local chosen = backings[param("backing", "disk", backings)]

-- The time on one node divided by the time on `nodes`.
local function speedup(backing, nodes, min, max)
  return {
    kind = "ratio", name = backing .. ": speed-up on " .. nodes .. " nodes",
    at = { backing = backing, ["workload.nodes"] = 1 },
    over = { backing = backing, ["workload.nodes"] = nodes },
    min = min, max = max, citation = backing == "disk" and CITE or nil,
  }
end

return {
  title = "Superlinear speed-up: the PDE with more data than one node's memory",
  doc = "iPSC/2; the I/O node pages for the nodes to one disk.",
  machine = ipsc2 {
    dimension = 4, io_nodes = 1, storage = include "disks/hp_97560.lua",
    nodes = { memory = { last = 1 } }, os = chosen.os,
    graph = graphs.svm_paging,
  },
  workload = {
    kind = "svm_pde", n = 50, iterations = param("workload.iterations", 8), made_by_one = true,
    nodes = param("workload.nodes", 1), svm = { manager = param("manager", "dynamic") },
    memory = { page = "4KiB", frames = param("frames", 320), replacement = "lru" },
    paging = { backing = chosen.paging },
  },
  sweep = {
    product = {
      backing = { "disk", "memory server" }, ["workload.nodes"] = { 1, 2, 3, 4, 5, 6, 7, 8 },
    },
  },
  measures = { "svm.time", "svm.disk_transfers.mean", "svm.disk_last" },
  figure = {
    x = "workload.nodes", y = "svm.time.mean", by = "backing", over = { ["workload.nodes"] = 1 },
    x_label = "nodes", y_label = "speed-up",
    expectations = {
      speedup("disk", 2, 2), speedup("disk", 3, 3), speedup("disk", 4, 4),
      speedup("memory server", 2, 3.3, 4.1), speedup("memory server", 8, 8.9, 10.9),
      {
        kind = "ratio", name = "one node: the server in the disk's place",
        at = { backing = "disk", ["workload.nodes"] = 1 },
        over = { backing = "memory server", ["workload.nodes"] = 1 }, min = 2.2, max = 2.6,
      },
    },
  },
}
