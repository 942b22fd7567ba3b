-- Requests that are passed on, for each fault, against nodes: how well each manager finds owners.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local CITE = "Li and Hudak, ACM TOCS 7(4), 1989: dynamic forwards least, less than once a fault"

-- Of two managers on 32 nodes: the first forwards at most `max` times as often.
local function fewer(manager, than, max)
  return {
    kind = "ratio", name = manager .. " forwards less than " .. than,
    at = { ["workload.svm.manager"] = manager, ["workload.nodes"] = 32 },
    over = { ["workload.svm.manager"] = than, ["workload.nodes"] = 32 },
    max = max, citation = CITE,
  }
end

-- Messages of a fault, of all that counts: requests, forwards, pages, invalidations.
local function messages(manager, name, min, max)
  return {
    kind = "range", name = manager .. ": " .. name, measure = "svm.messages_per_fault.mean",
    at = { ["workload.svm.manager"] = manager, ["workload.nodes"] = 32 }, min = min, max = max,
    citation = "messages of a fault: docs/models/svm.md",
  }
end

local programs = {
  "svm_dot", "svm_matmul", "svm_jacobi", "svm_pde", "svm_sort", "svm_tsp", "svm_fft", "svm_lu",
  "svm_irregular",
}

return {
  title = "Shared virtual memory: forwards per fault against nodes",
  machine = paragon {
    rows = 8, columns = 8,
    release = param("release", "R1.4"),
    graph = graphs.svm,
  },
  workload = {
    kind = param("program", "svm_pde", programs), nodes = param("workload.nodes", 4),
    svm = { manager = "dynamic" },
  },
  sweep = {
    product = {
      ["workload.svm.manager"] = {
        "central", "improved", "fixed", "broadcast", "dynamic", "dynamic_s", "tree",
      },
      ["workload.nodes"] = { 2, 4, 8, 16, 32 },
    },
  },
  measures = {
    "svm.forwards_per_fault.mean", "svm.messages_per_fault.mean", "svm.time.mean",
  },
  figure = {
    x = "workload.nodes", y = "svm.forwards_per_fault.mean", by = "workload.svm.manager", log = "x",
    x_label = "nodes", y_label = "forwards per fault",
    expectations = {
      fewer("dynamic", "improved", 1),
      fewer("dynamic", "fixed", 1),
      {
        kind = "range", name = "dynamic forwards less than once a fault",
        at = { ["workload.svm.manager"] = "dynamic", ["workload.nodes"] = 32 },
        max = 1, citation = CITE,
      },
      {
        kind = "range", name = "broadcast forwards nothing",
        at = { ["workload.svm.manager"] = "broadcast", ["workload.nodes"] = 32 }, max = 0,
      },
      messages("central", "4 messages a fault, and twice the copies", 4, 5.5),
      messages("improved", "at most 3 messages a fault, and twice the copies", 2, 4.5),
      messages("fixed", "at most 3 messages a fault, and twice the copies", 2, 4.5),
      messages("dynamic", "2 messages a fault, forwards, and twice the copies", 2, 4),
      {
        kind = "monotone", name = "improved forwards more with more nodes",
        of = { ["workload.svm.manager"] = "improved" }, direction = "rising", citation = CITE,
      },
      {
        kind = "monotone", name = "fixed forwards more with more nodes",
        of = { ["workload.svm.manager"] = "fixed" }, direction = "rising", citation = CITE,
      },
    },
  },
}
