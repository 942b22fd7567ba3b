-- Small: what scripts/check-determinism compares digests of, over the programs of shared memory,
-- whose floating-point results travel in pages.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local programs = {
  svm_dot = { n = 4001 }, svm_matmul = { n = 27 }, svm_jacobi = { n = 41 }, svm_pde = { n = 13 },
  svm_sort = { records = 3001 }, svm_tsp = { cities = 8 }, svm_fft = { rows = 16 },
  svm_lu = { n = 61 }, svm_irregular = { vertices = 3001 },
}
local program = param("program", "svm_dot", programs)
local workload = {
  kind = program, nodes = 5, svm = { manager = "dynamic" }, memory = { page = "512B" },
}
for k, v in pairs(programs[program]) do workload[k] = v end

return {
  title = "Determinism: programs over shared virtual memory",
  machine = paragon {
    rows = 2, columns = 3, release = param("release", "R1.4"),
    graph = graphs.svm,
  },
  workload = workload,
  sweep = {
    product = {
      program = {
        "svm_dot", "svm_matmul", "svm_jacobi", "svm_pde", "svm_sort", "svm_tsp", "svm_fft",
        "svm_lu", "svm_irregular",
      },
    },
  },
}
