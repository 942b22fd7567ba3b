-- Small and busy: what scripts/check-determinism compares digests of, over shared virtual memory.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
return {
    title = "Determinism: shared virtual memory",
    machine = paragon {
        rows = 3, columns = 3,
        release = param("release", "R1.4"),
        graph = graphs.svm,
    },
    workload = { kind = "svm_pattern", nodes = 5, svm = { manager = "dynamic" } },
    sweep = {
        product = {
            ["workload.svm.manager"] = { "central", "improved", "fixed", "dynamic", "xmm", "hlrc" },
        },
    },
}
