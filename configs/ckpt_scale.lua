-- A checkpoint of 256 ranks of 1 MiB through PFS to 16 I/O nodes.
--
--   psim run ckpt_scale
--
-- The memory of the ranks is a pattern but for the words that they change (workload.pattern), so
-- the host has a description of it, in memory and on the disks, in place of bytes.  1,024 ranks of
-- 16 MiB and 64 I/O nodes do not end in 6 minutes of CPU: docs/models/ckpt.md.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local services = include "parts/services.lua"

local nodes, io_nodes = param("nodes", 256), param("io_nodes", 16)
local side = 1
while side * side < nodes do side = 2 * side end

return {
  title = "A checkpoint of a large machine",
  doc = "Ranks of 1 MiB stop and are saved through PFS.",
  machine = paragon {
    rows = side, columns = nodes // side + io_nodes // side + 1, io_nodes = io_nodes,
    release = "R1.4", storage = { kind = "raid3" }, graph = graphs.cuts,
    os = services.list(services.nx, services.pfs, services.checkpoints {
      interval = "5s", policy = "stop", sink = "file", algorithm = param("algorithm", "sns"),
      limit = "1h",
    }),
  },
  workload = {
    kind = "job", program = "ring", nodes = nodes, memory = "64KiB", pattern = "1MiB",
    page = { page = "16KiB" }, dirty = 1, meet = 10, think = "200ms", slice = "20ms",
    steps = param("steps", 45),
  },
  limits = { memory = "12GiB", host_time = "1h" },
  measures = { "ckpt.time.mean", "ckpt.stop.max", "ckpt.saves", "ckpt.page_bytes",
               "job.time.max" },
}
