-- Small and busy: what scripts/check-determinism compares digests of, on a bare mesh.
return {
    title = "Determinism: a bare mesh",
    mesh = { kind = param("mesh.kind", "worm"), rows = 5, columns = 7 },
    workload = { kind = "mesh_load", pattern = "uniform", packet_flits = 8, load = 0.2,
                 warmup = "5us", measure = "20us" },
    sweep = {
        product = {
            ["workload.pattern"] = { "uniform", "tornado", "hotspot" },
            ["workload.load"] = { 0.1, 0.3 },
        },
    },
}
