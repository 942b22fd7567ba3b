-- Shared memory over a network that loses, doubles, delays and reorders messages: RDM numbers them,
-- acknowledges, and sends again what was lost. Histories of all nodes are recorded and judged: a
-- read that does not return the most recent write ends its point by a sentence.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local faults = param("faults", 0.05)

return {
  title = "Shared virtual memory over a lossy network: recorded histories are judged",
  doc = "Time and messages sent again, by how much of the traffic is lost, doubled and delayed.",
  machine = paragon {
    rows = 2, columns = 4,
    graph = graphs.lossy(faults, { "svm", "sync" }),
  },
  workload = {
    kind = "svm_pattern", pattern = "contended", rounds = 60, pages = 3, record = true, access = 8,
    think = "1ms", svm = { manager = param("workload.svm.manager", "dynamic") },
  },
  sweep = {
    product = {
      ["workload.svm.manager"] = {
        "central", "improved", "fixed", "broadcast", "dynamic", "dynamic_s", "tree", "xmm",
      },
      faults = { 0.0, 0.05, 0.2 },
    },
  },
  measures = { "svm.checked.mean", "svm.time.mean", "svm.read_faults.mean" },
}
