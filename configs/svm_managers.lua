-- Speed-up on 8 nodes of every program under every manager: IVY's programs in IVY's sizes and the
-- later ones, on the iPSC/2 with pages of 4 KiB, as svm_speedup.
local ipsc2 = include "machines/ipsc2.lua"
local graphs = include "parts/graphs.lua"

local program = param("program", "svm_pde")
local size = ({
  svm_dot = { n = 131072 }, svm_matmul = { n = 128 }, svm_jacobi = { n = 512 },
  svm_pde = { n = 40 }, svm_sort = { records = 200000 }, svm_tsp = { cities = 12 },
  svm_fft = { rows = 128 }, svm_lu = { n = 256 }, svm_irregular = { vertices = 16384 },
})[program] or {}

local workload = {
  kind = program, nodes = param("workload.nodes", 8),
  svm = { manager = param("workload.svm.manager", "dynamic") }, memory = { page = "4KiB" },
}
for k, v in pairs(size) do workload[k] = v end

local managers = { "central", "improved", "fixed", "broadcast", "dynamic", "dynamic_s", "tree",
                   "hlrc", "xmm" }
local IVY = "Li and Hudak, ACM TOCS 7(4), 1989: shapes; every manager runs every program alike"
local expectations = {}

-- The speed-up of a program on 8 nodes under every manager but OSF/1 AD's, which is no better.
-- hlrc is not IVY's: its ranges guard our own figures.  The salesman reads the shortest length so
-- far without a lock, so with relaxed memory late, and searches more.
local function speedup(what, min, max)
  for _, manager in ipairs(managers) do
    if manager ~= "xmm" then
      expectations[#expectations + 1] = {
        kind = "ratio", name = what .. " under " .. manager .. ": speed-up on 8 nodes",
        at = { program = what, ["workload.svm.manager"] = manager, ["workload.nodes"] = 1 },
        over = { program = what, ["workload.svm.manager"] = manager, ["workload.nodes"] = 8 },
        min = manager == "hlrc" and what == "svm_tsp" and 5 or min, max = max,
        citation = manager ~= "hlrc" and IVY or nil,
      }
    end
  end
end
speedup("svm_dot", nil, 2)
speedup("svm_matmul", 6, 8)
speedup("svm_jacobi", 6, 8)
speedup("svm_tsp", 6, 8)
speedup("svm_sort", 2, 5)

return {
  title = "Shared virtual memory: speed-up on 8 nodes under each manager (iPSC/2)",
  machine = ipsc2 {
    dimension = 3,
    graph = graphs.svm,
  },
  workload = workload,
  sweep = {
    product = {
      program = {
        "svm_dot", "svm_matmul", "svm_jacobi", "svm_pde", "svm_sort", "svm_tsp", "svm_fft",
        "svm_lu", "svm_irregular",
      },
      ["workload.svm.manager"] = managers,
      ["workload.nodes"] = { 1, 8 },
    },
  },
  measures = { "svm.time.mean", "svm.messages_per_fault.mean" },
  figure = {
    x = "workload.svm.manager", y = "svm.time.mean", by = "program",
    where = { ["workload.nodes"] = 8 }, over = { ["workload.nodes"] = 1 },
    x_label = "manager", y_label = "speed-up on 8 nodes",
    expectations = expectations,
  },
}
