-- Page size against sharing: a large page moves more at once, and more nodes share it falsely.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local program = param("program", "svm_pde")
local workload = {
  kind = program, nodes = param("workload.nodes", 8),
  svm = { manager = "dynamic" }, memory = { page = param("workload.memory.page", "4KiB") },
}
-- The words of eight nodes, 1 KiB from each other.
if program == "svm_pattern" then
  workload.pattern, workload.spacing, workload.rounds = "false_sharing", "1KiB", 200
end

return {
  title = "Shared virtual memory: run time against page size",
  doc = "svm_pattern: each node counts in a word of its own, 1 KiB from the next node's.",
  machine = paragon {
    rows = 4, columns = 4,
    release = param("release", "R1.4"),
    graph = graphs.svm,
  },
  workload = workload,
  sweep = {
    product = {
      program = { "svm_pde", "svm_jacobi", "svm_sort", "svm_pattern" },
      ["workload.memory.page"] = {
        "256B", "512B", "1KiB", "2KiB", "4KiB", "8KiB", "16KiB", "32KiB",
      },
    },
  },
  measures = { "svm.time.mean", "svm.read_faults.mean", "svm.write_faults.mean" },
  figure = {
    x = "workload.memory.page", y = "svm.time.mean", by = "program", log = "xy",
    x_label = "page", y_label = "run time",
    expectations = {
      {
        kind = "monotone", name = "the PDE moves whole planes: larger pages are better",
        of = { program = "svm_pde" }, direction = "falling",
      },
      {
        kind = "ratio", name = "false sharing: none up to 1 KiB",
        at = { program = "svm_pattern", ["workload.memory.page"] = "1KiB" },
        over = { program = "svm_pattern", ["workload.memory.page"] = "256B" },
        min = 0.95, max = 1.05,
      },
      {
        kind = "ratio", name = "false sharing: two nodes a page",
        at = { program = "svm_pattern", ["workload.memory.page"] = "2KiB" },
        over = { program = "svm_pattern", ["workload.memory.page"] = "1KiB" },
        min = 3.2, max = 4.5,
      },
      {
        kind = "ratio", name = "false sharing: eight nodes a page are worse than two",
        at = { program = "svm_pattern", ["workload.memory.page"] = "8KiB" },
        over = { program = "svm_pattern", ["workload.memory.page"] = "2KiB" },
        min = 4.9, max = 6.9,
      },
    },
  },
}
