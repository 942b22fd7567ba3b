-- Shared memory over a network that loses, doubles, delays and reorders messages: RDM numbers them,
-- acknowledges, and sends again what was lost. Histories of all nodes are recorded and judged: a
-- read that does not return the most recent write ends its point by a sentence.
-- A node may die as well, and be back sooner or later than the others notice it. Every access, lock
-- and barrier then ends, in the survivors too; a program that cannot go on says why in a sentence:
--   -p at=20ms -p node=2 [-p after=1ms [-p again=true]]      again: its program starts anew
--   -p program=svm_pde, svm_tsp, svm_sort                    barriers, locks; not recorded
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local faults, at = param("faults", 0.05), param("at", "")

local machine = paragon {
  rows = 2, columns = 4,
  faults = at ~= "" and {
    { path = "node " .. param("node", 2), at = at, after = param("after", "0s") },
  } or nil,
  graph = graphs.lossy(faults, { "svm", "sync" }),
}
machine.restart_programs = param("again", false)

local program = param("program", "svm_pattern")
local workload = ({
  svm_pattern = { pattern = "contended", rounds = 60, pages = 3, record = true, access = 8,
                  think = "1ms" },
  svm_pde = { n = 16, iterations = 20 }, svm_tsp = { cities = 8 }, svm_sort = { records = 2000 },
})[program] or {}
workload.kind = program
workload.svm = { manager = param("workload.svm.manager", "dynamic") }

return {
  title = "Shared virtual memory over a lossy network: recorded histories are judged",
  doc = "Time and messages sent again, by how much of the traffic is lost, doubled and delayed.",
  machine = machine,
  workload = workload,
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
