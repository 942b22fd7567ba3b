-- What relaxing buys, program by program: home-based lazy release consistency against managers
-- under which a read returns the most recent write.  Other pages: -p workload.memory.page=64KiB
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local program = param("program", "svm_jacobi")
local protocols = {
  fixed = { manager = "fixed" },
  dynamic = { manager = "dynamic" },
  hlrc = { manager = "hlrc" },
  hlrc_first = { manager = "hlrc", homes = "first_touch" },
  hlrc_served = { manager = "hlrc", homes = "first_touch", watch = "served" },
}
local protocol = param("protocol", "hlrc", protocols)
local size = ({
  svm_jacobi = { n = 256 }, svm_pde = { n = 32 }, svm_sort = { records = 32768 },
  svm_tsp = { cities = 10 }, svm_fft = { rows = 128 }, svm_lu = { n = 128 },
  svm_irregular = { vertices = 16384 },
})[program] or {}

local workload = {
  kind = program, nodes = param("workload.nodes", 8), svm = protocols[protocol],
  memory = { page = param("workload.memory.page", "4KiB") },
}
for k, v in pairs(size) do workload[k] = v end

-- y of a program under one protocol, divided by that under another.
local function ratio(name, what, a, b, nodes, min, max, measure)
  return {
    kind = "ratio", name = name .. ", " .. nodes .. " nodes", measure = measure,
    at = { program = what, protocol = a, ["workload.nodes"] = nodes },
    over = { program = what, protocol = b, ["workload.nodes"] = nodes },
    min = min, max = max,
  }
end

return {
  title = "Shared virtual memory: strict and relaxed, programs",
  machine = paragon {
    rows = 8, columns = 8,
    release = param("release", "R1.4"),
    graph = graphs.svm,
  },
  workload = workload,
  sweep = {
    product = {
      program = { "svm_jacobi", "svm_pde", "svm_sort", "svm_tsp", "svm_fft", "svm_lu",
                  "svm_irregular" },
      protocol = { "fixed", "dynamic", "hlrc", "hlrc_first", "hlrc_served" },
      ["workload.nodes"] = { 1, 4, 16, 64 },
    },
  },
  measures = { "svm.time.mean", "svm.read_faults.mean", "svm.write_faults.mean",
               "svm.messages.mean" },
  figure = {
    x = "workload.nodes", y = "svm.time.mean", by = "protocol",
    where = { program = "svm_jacobi" }, log = "xy",
    x_label = "nodes", y_label = "run time",
    expectations = {
      -- All nodes write neighbouring parts of the one page of unknowns.
      ratio("Jacobi: false sharing", "svm_jacobi", "dynamic", "hlrc", 16, 1.3),
      ratio("Jacobi: false sharing", "svm_jacobi", "dynamic", "hlrc", 64, 2),
      -- Planes of whole pages: nothing is shared falsely.
      ratio("PDE: nothing to win", "svm_pde", "hlrc_served", "dynamic", 16, 0.9, 1.1),
      ratio("PDE: a home that is not the writer costs diffs", "svm_pde", "hlrc", "hlrc_first", 4,
            1.2),
      ratio("PDE: a home that watches its writes costs faults", "svm_pde", "hlrc_first",
            "hlrc_served", 4, 1.2),
      -- A fault is two messages, and nobody is asked to invalidate.
      ratio("Jacobi: messages", "svm_jacobi", "hlrc_first", "dynamic", 16, nil, 0.75,
            "svm.messages.mean"),
      ratio("PDE: messages", "svm_pde", "hlrc_first", "dynamic", 16, nil, 0.75,
            "svm.messages.mean"),
      ratio("sort: messages", "svm_sort", "hlrc_first", "dynamic", 16, nil, 0.75,
            "svm.messages.mean"),
      ratio("FFT: messages", "svm_fft", "hlrc_first", "dynamic", 16, nil, 0.75,
            "svm.messages.mean"),
      ratio("irregular: messages", "svm_irregular", "hlrc_first", "dynamic", 16, nil, 0.75,
            "svm.messages.mean"),
    },
  },
}
