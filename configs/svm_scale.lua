-- Speed-up of relaxation over a random graph on up to 1,024 nodes, by manager: where the node that
-- all ask becomes the limit.  A minute of CPU; fewer points: -p 'workload.nodes={1, 64, 1024}';
-- other programs: -p program=svm_jacobi, svm_tsp, svm_lu (slow beyond 64 nodes)
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

-- A manager, and who owns a page (and so is asked first) before it is touched.
local managers = {
  central = { manager = "central" },
  fixed = { manager = "fixed" },
  hlrc = { manager = "hlrc" },
  dynamic = { manager = "dynamic" },
  ["dynamic by blocks"] = { manager = "dynamic", initial_owner = "block" },
}
local names = { "central", "fixed", "dynamic", "dynamic by blocks", "hlrc" }

local program = param("program", "svm_irregular")
local size = ({
  svm_irregular = { vertices = 262144, far = 0.001, iterations = 3 },
  svm_jacobi = { n = 2048, iterations = 3 }, svm_tsp = { cities = 12 }, svm_lu = { n = 512 },
})[program] or {}
local chosen = managers[param("manager", "fixed", managers)]
  or error("manager is none of " .. table.concat(names, ", "))

local workload = {
  kind = program, nodes = param("workload.nodes", 64), svm = chosen, memory = { page = "4KiB" },
}
for k, v in pairs(size) do workload[k] = v end

local function ratio(name, who, nodes, over, over_nodes, min, max)
  return {
    kind = "ratio", name = name, at = { manager = who, ["workload.nodes"] = nodes },
    over = { manager = over, ["workload.nodes"] = over_nodes }, min = min, max = max,
  }
end

return {
  title = "Shared virtual memory: " .. program .. " on up to 1,024 nodes, by manager",
  doc = "The graph has 262,144 vertices: 2 MiB for each of two copies.  Network: \"ideal\".",
  machine = paragon {
    rows = 32, columns = 32, release = param("release", "R1.4"), model = "ideal",
    graph = graphs.svm,
  },
  workload = workload,
  sweep = { product = { manager = names, ["workload.nodes"] = { 1, 4, 16, 64, 256, 1024 } } },
  measures = {
    "svm.time.mean", "svm.read_faults.mean", "svm.forwards_per_fault", "svm.messages_per_fault",
  },
  figure = {
    x = "workload.nodes", y = "svm.time.mean", by = "manager", over = { ["workload.nodes"] = 1 },
    log = "xy", x_label = "nodes", y_label = "speed-up",
    -- What theory says of the graph.
    expectations = program == "svm_irregular" and {
      ratio("efficiency falls: 64 nodes gain less than 64 times", "fixed", 1, "fixed", 64, 8, 32),
      ratio("one manager: 1,024 nodes are slower than 64", "central", 1024, "central", 64, 1.2),
      ratio("managers everywhere: 1,024 nodes are faster than 64", "fixed", 1024, "fixed", 64,
        nil, 0.6),
      ratio("1,024 nodes: the dynamic manager is faster than the central one", "dynamic", 1024,
        "central", 1024, nil, 0.5),
      ratio("and slower than the fixed one, for all ask node 0 first", "dynamic", 1024, "fixed",
        1024, 1.5),
      ratio("unless owners are spread from the beginning", "dynamic by blocks", 1024,
        "fixed", 1024, 0.5, 1.2),
    } or nil,
  },
}
