-- Small and busy: out-of-core arrays, for scripts/check-determinism: real arithmetic, messages of
-- other ranks' elements, files of each rank and of all.
local paragon = include "machines/paragon.lua"
return {
    title = "Determinism: out-of-core arrays",
    machine = paragon { rows = 2, columns = 5, io_nodes = 2 },
    workload = {
        kind = "arrays", operation = param("operation", "lu"), nodes = 5, rows = 60, columns = 60,
        placement = param("placement", "global"), method = "list", memory = "8KiB",
    },
    sweep = {
        product = {
            operation = { "transpose", "multiply", "lu" }, placement = { "global", "local" },
        },
    },
}
