-- Small and busy: what scripts/check-determinism compares digests of, with everything on: threads,
-- protocols, worms, files, arrays.
local paragon = include "machines/paragon.lua"
return {
    title = "Determinism: files on a machine",
    machine = paragon {
        rows = 4, columns = 5, io_nodes = 3, release = param("release", "R1.4"),
        storage = { kind = "raid3" },
    },
    workload = {
        kind = "pfs", op = "read", nodes = 7, mode = "M_ASYNC", factor = 3, unit = "64KiB",
        size = "100KiB", requests = 3,
    },
    sweep = {
        product = {
            ["workload.op"] = { "read", "write" },
            ["workload.mode"] = { "M_UNIX", "M_RECORD", "M_ASYNC" },
        },
    },
}
