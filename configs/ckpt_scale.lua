-- A checkpoint of 256 ranks of 1 MiB through PFS to 16 I/O nodes, and of more.
--
--   psim run ckpt_scale
--   psim run ckpt_scale -p nodes=1024 -p memory=16MiB -p io_nodes=64   # a minute of CPU, 1.6 GB
--
-- The memory of the ranks is a pattern but for the words that they change (workload.pattern), so
-- the host has a description of it, in memory, on its way and on the disks, in place of bytes.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local services = include "parts/services.lua"

local nodes, io_nodes = param("nodes", 256), param("io_nodes", 16)
local memory = param("memory", "1MiB")
local side = 1
while side * side < nodes do side = 2 * side end

local KIB, MIB = 1024, 1024 * 1024
local number, unit = memory:match "^(%d+)([KM])iB$"
local bytes = number * (unit == "M" and MIB or KIB) + 64 * KIB   -- of a rank
local units = bytes // (64 * KIB)

return {
  title = "A checkpoint of a large machine",
  doc = "Ranks stop and are saved through PFS.",
  machine = paragon {
    rows = side, columns = nodes // side + io_nodes // side + 1, io_nodes = io_nodes,
    release = "R1.4", storage = { kind = "raid3" }, graph = graphs.cuts,
    os = services.list(services.nx, services.pfs, services.checkpoints {
      interval = "40s", policy = "stop", sink = "file", algorithm = param("algorithm", "sns"),
      limit = "1h",
    }),
  },
  workload = {
    kind = "job", program = "ring", nodes = nodes, memory = "64KiB", pattern = memory,
    page = { page = "16KiB" }, dirty = 1, meet = 3, think = "5s", slice = "20ms",
    steps = param("steps", 14),
  },
  limits = { memory = "4GiB", host_time = "1h" },
  measures = { "ckpt.time.mean", "ckpt.stop.max", "ckpt.saves", "ckpt.page_bytes",
               "lfs.fast_bytes", "chan.calls", "job.time.max" },
  expectations = {
    { measure = "ckpt.page_bytes", equals = nodes * bytes, citation = "derived: each page once" },
    { measure = "lfs.fast_bytes", min = nodes * (units - 2) * 64 * KIB,
      citation = "derived: whole stripe units, but for the first and the last, are not copied" },
    { measure = "chan.calls", max = nodes * (4 * io_nodes + units + 10) + 2 * io_nodes,
      citation = "derived: a call each stripe unit; of each I/O node size, flush x 3; the commit" },
  },
}
