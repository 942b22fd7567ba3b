-- Mutual exclusion over shared memory: a lock's messages against test-and-set on a shared page.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

-- y of a pattern on 16 nodes divided by that on 8.
local function doubling(pattern, name, min, max)
  return {
    kind = "ratio", name = name,
    at = { ["workload.pattern"] = pattern, ["workload.nodes"] = 16 },
    over = { ["workload.pattern"] = pattern, ["workload.nodes"] = 8 },
    min = min, max = max,
  }
end

return {
  title = "Shared virtual memory: mutual exclusion by messages and by a shared page",
  doc = "Each try moves the page away from the node that must write it to give the lock back.",
  machine = paragon {
    rows = 4, columns = 4,
    release = param("release", "R1.4"),
    graph = graphs.svm,
  },
  workload = {
    kind = "svm_pattern", pattern = param("workload.pattern", "lock"), rounds = 20, pages = 2,
    nodes = param("workload.nodes", 4), svm = { manager = "dynamic" },
  },
  sweep = {
    product = {
      ["workload.pattern"] = { "lock", "test_and_set" },
      ["workload.nodes"] = { 1, 2, 4, 8, 16 },
    },
  },
  measures = { "svm.time.mean", "svm.write_faults.mean", "svm.messages.mean" },
  figure = {
    x = "workload.nodes", y = "svm.time.mean", by = "workload.pattern", log = "xy",
    x_label = "nodes", y_label = "run time",
    expectations = {
      doubling("lock", "lock: twice the nodes, twice the time", 1.8, 2.2),
      doubling("test_and_set", "test-and-set: more than twice the time", 3.1, 4.3),
      {
        kind = "ratio", name = "test-and-set: more messages than the lock, 16 nodes",
        measure = "svm.messages.mean",
        at = { ["workload.pattern"] = "test_and_set", ["workload.nodes"] = 16 },
        over = { ["workload.pattern"] = "lock", ["workload.nodes"] = 16 },
        min = 2.3, max = 3.2,
      },
    },
  },
}
