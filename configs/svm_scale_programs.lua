-- Speed-up of three programs on up to 1,024 nodes: one whose sharing is local, one whose vector all
-- read and all write, one whose work is in 110 parts.  Minutes of CPU.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local sizes = {
  svm_irregular = { vertices = 262144, far = 0.001, iterations = 3 },
  svm_jacobi = { n = 2048, iterations = 3 },
  svm_tsp = { cities = 12 },
}
local program = param("program", "svm_tsp", sizes)

local workload = {
  kind = program, nodes = param("workload.nodes", 64),
  svm = { manager = param("manager", "fixed") }, memory = { page = "4KiB" },
}
for k, v in pairs(sizes[program]) do workload[k] = v end

local function case(what, nodes)
  return { program = what, ["workload.nodes"] = nodes }
end

return {
  title = "Shared virtual memory: three programs on up to 1,024 nodes",
  machine = paragon {
    rows = 32, columns = 32, release = param("release", "R1.4"), model = "ideal",
    graph = graphs.svm,
  },
  workload = workload,
  sweep = {
    product = {
      program = { "svm_irregular", "svm_jacobi", "svm_tsp" },
      ["workload.nodes"] = { 1, 4, 16, 64, 256, 1024 },
    },
  },
  measures = { "svm.time.mean", "svm.read_faults.mean", "svm.write_faults.mean" },
  figure = {
    x = "workload.nodes", y = "svm.time.mean", by = "program", over = { ["workload.nodes"] = 1 },
    log = "xy", x_label = "nodes", y_label = "speed-up",
    expectations = {
      {
        kind = "ratio", name = "the salesman's 110 parts: no more on 1,024 nodes than on 64",
        at = case("svm_tsp", 1024), over = case("svm_tsp", 64), min = 1,
      },
      {
        kind = "ratio", name = "Jacobi's vector: its owners serve 4 times as many readers",
        at = case("svm_jacobi", 1024), over = case("svm_jacobi", 256), min = 2, max = 5,
      },
      {
        kind = "ratio", name = "the graph: local sharing still gains from 256 to 1,024 nodes",
        at = case("svm_irregular", 1024), over = case("svm_irregular", 256), max = 0.9,
      },
    },
  },
}
