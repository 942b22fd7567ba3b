-- One program and more and more I/O nodes: reads of 2 MiB in units of 64 KiB gain by each of them,
-- up to what the program's messages carry.
--
--   psim figure pfs_client_cap
--
-- With early OSF/1 that is 32 MB/s, with R1.4 159 (message_summary).
local paragon = include "machines/paragon.lua"

local function case(release, factor)
  return { release = release, ["workload.factor"] = factor }
end
local function ratio(name, release, factor, over, min, max)
  return { kind = "ratio", name = name, at = case(release, factor), over = case(release, over),
           min = min, max = max, citation = "derived: the slower of arms and messages" }
end

return {
  title = "PFS: one program, by I/O nodes and release",
  machine = paragon {
    rows = 4, columns = 10, io_nodes = 32, release = param("release", "R1.4"),
    storage = { kind = "raid3" },
  },
  workload = {
    kind = "pfs", op = "read", nodes = 1, size = "2MiB", unit = "64KiB",
    factor = param("workload.factor", 16), requests = 8, warmup = 1,
  },
  sweep = {
    product = {
      release = { "early", "R1.2", "R1.4" },
      ["workload.factor"] = { 1, 2, 4, 8, 16, 32 },
    },
  },
  measures = { "pfs.bandwidth", "pfs.latency", "pfs.client", "pfs.mesh", "pfs.queue", "pfs.arm" },
  figure = {
    x = "workload.factor", y = "pfs.bandwidth", by = "release", log = "xy",
    x_label = "stripe factor (I/O nodes)", y_label = "read bandwidth of one program",
    expectations = {
      ratio("R1.4: 8 I/O nodes over 1", "R1.4", 8, 1, 4, 8),
      ratio("early OSF/1: no more from 8 on", "early", 32, 8, 0.9, 1.15),
      { kind = "range", name = "early OSF/1: what its messages carry", at = case("early", 32),
        min = "22MB/s", max = "33MB/s", citation = "derived: 32.8 MB/s of messages" },
      { kind = "range", name = "R1.2: what its messages carry", at = case("R1.2", 32),
        min = "40MB/s", max = "67MB/s", citation = "derived: 67 MB/s of messages" },
    },
  },
}
