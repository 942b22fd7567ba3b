-- Who serves at the homes: the program's CPU, by an interrupt, or the message coprocessor, which is
-- the overlapped protocol of Zhou, Iftode and Li; with their price of an interrupt.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local sizes = {
  svm_jacobi = { n = 256 }, svm_pde = { n = 32 }, svm_sort = { records = 32768 },
  svm_tsp = { cities = 10 }, svm_fft = { rows = 128 }, svm_lu = { n = 128 },
  svm_irregular = { vertices = 16384 },
}
local program = param("program", "svm_jacobi", sizes)

local workload = { kind = program, nodes = param("workload.nodes", 16), svm = { manager = "hlrc" } }
for k, v in pairs(sizes[program]) do workload[k] = v end

local machine = paragon {
  rows = 4, columns = 4,
  release = param("release", "R1.4"),
  graph = graphs.svm,
}
machine.node.upcall_cpu = param("machine.node.upcall_cpu", "coprocessor")
-- [Zhou96, memory]
machine.prices.interrupt = { each = param("machine.prices.interrupt.each", "690us") }

local programs = { "svm_jacobi", "svm_pde", "svm_sort", "svm_tsp", "svm_fft", "svm_lu",
                   "svm_irregular" }
-- "Helps modestly" is all that is published, of larger problems: guards of our own figures.
local share = { svm_jacobi = 0.16, svm_pde = 0.39, svm_sort = 0.51, svm_tsp = 0.34, svm_fft = 0.30,
                svm_lu = 0.42, svm_irregular = 0.29 }
local expectations = {}
for _, name in ipairs(programs) do
  expectations[#expectations + 1] = {
    kind = "ratio", name = name .. ": time with the coprocessor over interrupts",
    at = { program = name, ["machine.node.upcall_cpu"] = "coprocessor" },
    over = { program = name, ["machine.node.upcall_cpu"] = "application" },
    equals = share[name], within = 0.15, guard = true,
  }
end

return {
  title = "Shared virtual memory: homes served by the program's CPU and by the coprocessor",
  doc = "Zhou et al. found that the coprocessor helps modestly; these problems are smaller than "
        .. "theirs, so that messages weigh more: docs/models/lrc.md.",
  machine = machine,
  workload = workload,
  sweep = {
    product = {
      program = programs, ["machine.node.upcall_cpu"] = { "application", "coprocessor" },
    },
  },
  measures = { "svm.time.mean", "svm.messages.mean" },
  figure = {
    x = "program", y = "svm.time.mean", by = "machine.node.upcall_cpu",
    x_label = "program", y_label = "run time",
    expectations = expectations,
  },
}
