-- Run time of programs over shared virtual memory against nodes: IVY's programs in IVY's sizes.
-- Another manager: psim figure svm_speedup -p manager=fixed
local paragon = include "machines/paragon.lua"

local CITE = "Li and Hudak, ACM TOCS 7(4), 1989: shapes"
local program = param("program", "svm_pde")
local size = ({
  svm_dot = { n = 131072 }, svm_matmul = { n = 128 }, svm_jacobi = {}, svm_pde = { n = 40 },
  svm_sort = { records = 200000 }, svm_tsp = { cities = 12 },
})[program] or {}

local workload = {
  kind = program, nodes = param("workload.nodes", 8),
  svm = { manager = param("manager", "dynamic") },
}
for k, v in pairs(size) do workload[k] = v end

-- The time on one node divided by the time on `nodes`.
local function speedup(name, nodes, min, max)
  return {
    kind = "ratio", name = name .. ": speed-up on " .. nodes .. " nodes",
    at = { program = name, ["workload.nodes"] = 1 },
    over = { program = name, ["workload.nodes"] = nodes },
    min = min, max = max, citation = CITE,
  }
end

return {
  title = "Shared virtual memory: run time of programs against nodes",
  doc = "Speed-ups of the Paragon are not those of IVY; docs/models/svm.md says which shapes hold.",
  machine = paragon {
    rows = 4, columns = 8,
    release = param("release", "R1.4"),
    graph = {
      { name = "mesh", protocol = "mesh" },
      { name = "svm", protocol = "svm", below = { "mesh" } },
      { name = "sync", protocol = "sync", below = { "mesh" } },
    },
  },
  workload = workload,
  sweep = {
    product = {
      program = { "svm_dot", "svm_matmul", "svm_jacobi", "svm_pde", "svm_sort", "svm_tsp" },
      ["workload.nodes"] = { 1, 2, 4, 8, 16, 32 },
    },
  },
  measures = { "svm.time.mean", "svm.read_faults.mean", "svm.write_faults.mean" },
  figure = {
    x = "workload.nodes", y = "svm.time.mean", by = "program", log = "xy",
    x_label = "nodes", y_label = "run time",
    expectations = {
      speedup("svm_dot", 8, nil, 2),
      speedup("svm_matmul", 8, 6, 8),
    },
  },
}
