-- Speed-up of a program over shared virtual memory, for each manager, against nodes.
local paragon = include "machines/paragon.lua"
local nodes = param("workload.nodes", 4)
return {
    title = "Shared virtual memory: run time against nodes and manager",
    machine = paragon {
        rows = 8, columns = 8,
        release = param("release", "R1.4"),
        graph = {
            { name = "mesh", protocol = "mesh" },
            { name = "svm", protocol = "svm", below = { "mesh" } },
            { name = "sync", protocol = "sync", below = { "mesh" } },
        },
    },
    workload = { kind = param("program", "svm_pde"), nodes = nodes, svm = { manager = "dynamic" } },
    sweep = {
        product = {
            ["workload.svm.manager"] = { "central", "improved", "fixed", "dynamic", "xmm" },
            ["workload.nodes"] = { 1, 2, 4, 8, 16, 32 },
        },
    },
}
