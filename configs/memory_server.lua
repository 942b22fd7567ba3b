-- Run time of a sweep over data that exceed a node's memory: paging to the memory of other nodes
-- against paging to disk.  Memory is 256 frames of 4 KiB: up to 1 MiB of data nothing is paged.
local paragon = include "machines/paragon.lua"

local backing = param("workload.backing", "servers")

return {
    title = "Paging to memory servers and to disk",
    machine = paragon {
        rows = 4, columns = 4, io_nodes = 1, release = param("release", "R1.4"),
        storage = { kind = "raid3" },
        os = { memory_server = { on = true, store = { frames = 0, disk_pages = 65536 } } },
    },
    workload = {
        kind = "memory",
        backing = backing,
        clients = 1,
        servers = param("workload.servers", 1),
        server = { frames = 4096 },
        size = param("workload.size", "1MiB"),
        memory = { page = "4KiB", frames = 256, replacement = "lru" },
        sweeps = 3,
    },
    sweep = {
        product = {
            ["workload.backing"] = { "servers", "io" },
            ["workload.size"] = { "512KiB", "1MiB", "1280KiB", "1536KiB", "2MiB", "4MiB" },
        },
    },
    measures = { "memory.time", "memory.page_ins", "memory.page_outs" },
}
