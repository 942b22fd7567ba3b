-- Histories of all nodes, recorded and judged under each manager: no read returns what is not the
-- most recent write, and one order explains all accesses. A violation ends its point by a sentence.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

return {
  title = "Shared virtual memory: recorded histories are judged",
  doc = "Every node reads and writes the same few words, which share pages falsely.",
  machine = paragon {
    rows = 4, columns = 4,
    release = param("release", "R1.4"),
    graph = graphs.svm,
  },
  workload = {
    kind = "svm_pattern", pattern = param("workload.pattern", "contended"), rounds = 500,
    pages = 3, record = true, access = param("workload.access", 8), think = "1ms",
    svm = { manager = param("workload.svm.manager", "dynamic") },
  },
  sweep = {
    product = {
      ["workload.svm.manager"] = {
        "central", "improved", "fixed", "broadcast", "dynamic", "dynamic_s", "tree", "xmm",
      },
      ["workload.access"] = { 1, 8 },
    },
  },
  measures = { "svm.checked.mean", "svm.read_faults.mean", "svm.write_faults.mean" },
}
