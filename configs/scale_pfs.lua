-- The size to aim at: 4,096 nodes read a striped file from 64 I/O nodes, 64 KiB a request.
-- 12 requests a program are some 48,000 requests; -p workload.requests=248 makes it a million.
-- One worm a message instead of 33: -p machine.nic.mtu=66KiB -p machine.nic.packet_bytes=66KiB.
local paragon = include "machines/paragon.lua"

return {
    title = "4,096 nodes read a striped file from 64 I/O nodes",
    machine = paragon {
        rows = 64, columns = 64, io_nodes = 64, release = param("release", "R1.4"),
        model = param("machine.network.model", "ideal"),
        storage = { kind = "raid3" },
    },
    workload = {
        kind = "pfs", op = "read", nodes = param("workload.nodes", 4000), size = "64KiB",
        unit = "64KiB", factor = 64, requests = param("workload.requests", 12),
    },
    limits = { memory = "4GiB", host_time = "30min" },
    measures = {
        "pfs.bandwidth", "pfs.latency", "pfs.client", "pfs.mesh", "pfs.queue", "pfs.arm",
    },
}
