-- Striped files with buffers on an iPSC/860, as its Concurrent File System had them: bandwidth of
-- reads against the number of programs, by who has which bytes of a shared file.  Nothing is
-- calibrated: drives and buffers are not those of the machine that Nitzberg measured, so the
-- expectations are of shape.
--
--   psim run cfs_patterns -j2
local ipsc860 = include "machines/ipsc860.lua"

local function case(access, nodes)
  return { ["workload.access"] = access, ["workload.nodes"] = nodes }
end

return {
  title = "Files with buffers on an iPSC/860, by access pattern",
  machine = ipsc860 {
    dimension = 6, io_nodes = 10,
    storage = include "disks/dec_rz26.lua",
    os = {
      pfs_server = { lfs = { buffered = true, block = "4KiB", cache = 64, read_ahead = 4 } },
    },
  },
  workload = {
    kind = "io", op = param("workload.op", "read"),
    access = param("workload.access", "interleaved"),
    nodes = param("workload.nodes", 16), size = param("workload.size", "4KiB"), unit = "4KiB",
    requests = 64, warmup = 0, work = true,
  },
  sweep = {
    product = {
      ["workload.access"] = { "broadcast", "partitioned", "interleaved" },
      ["workload.nodes"] = { 1, 4, 16, 48 },
    },
  },
  measures = { "file.bandwidth", "file.latency", "file.mesh", "file.queue", "file.arm" },
  figure = {
    x = "workload.nodes", y = "file.bandwidth", by = "workload.access", log = "x",
    x_label = "programs", y_label = "read bandwidth of all",
    expectations = {
      { kind = "ratio", name = "16 programs: interleaved over partitioned",
        at = case("interleaved", 16), over = case("partitioned", 16), min = 1.5,
        doc = "what is read ahead for one program is what its neighbours ask for" },
      { kind = "ratio", name = "partitioned: 48 programs over 16",
        at = case("partitioned", 48), over = case("partitioned", 16), max = 2,
        doc = "each program reads elsewhere: the buffers of the I/O nodes are too few" },
      { kind = "ratio", name = "48 programs: broadcast over partitioned",
        at = case("broadcast", 48), over = case("partitioned", 48), min = 2 },
    },
  },
}
