-- PFS when the software of some nodes is slower: that of the I/O nodes against that of the compute
-- nodes.  A group of machine.nodes has prices of its own, laid over the machine's.
local paragon = include "machines/paragon.lua"

local slow, times = param("slow", "io"), param("times", 1)

-- Bandwidth at 8 times over that at 1.
local function ratio(name, group, min, max)
  return {
    kind = "ratio", name = name,
    at = { slow = group, times = 8 }, over = { slow = group, times = 1 }, min = min, max = max,
  }
end

return {
  title = "PFS: read bandwidth when I/O nodes or compute nodes are slower",
  doc = "The I/O nodes have the files in their buffers; `times`: of every price of the slow group.",
  machine = paragon {
    rows = 5, columns = 5, io_nodes = 4, release = "R1.4", storage = { kind = "raid3" },
    os = { pfs_server = { lfs = { buffered = true } } },
    nodes = { [slow] = { prices = { scale = times } } },
  },
  workload = {
    kind = "pfs", size = "16KiB", requests = 40, cache = "warm", access = "partitioned",
  },
  sweep = { product = { slow = { "io", "compute" }, times = { 1, 2, 4, 8 } } },
  measures = { "pfs.bandwidth", "pfs.latency", "cpu.busiest" },
  figure = {
    x = "times", y = "pfs.bandwidth", by = "slow", log = "x",
    x_label = "times slower", y_label = "read bandwidth",
    expectations = {
      -- Less than an eighth where the programs meet at one node while another waits.
      ratio("slow I/O nodes: they answer no faster than their CPU", "io", 0.09, 0.15),
      ratio("slow compute nodes: they wait for the I/O nodes anyhow", "compute",
        0.95, 1.05),
    },
  },
}
