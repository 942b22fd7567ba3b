-- The striping sweep over I/O modes: unit, factor, request, mode and programs together.
--
--   psim run pfs_stripe_modes -j2
--   psim run pfs_stripe_modes -p workload.op=write
--   psim figure pfs_stripe_modes
--
-- pfs_striping looks closer at one mode, pfs_modes and pfs_modes_scale at one layout.
local paragon = include "machines/paragon.lua"

local size = param("workload.size", "256KiB")
local requests = { ["64KiB"] = 8, ["256KiB"] = 4, ["1MiB"] = 2 }

local function case(mode, factor, nodes, request)
  return { ["workload.mode"] = mode, ["workload.factor"] = factor, ["workload.nodes"] = nodes or 64,
           ["workload.size"] = request or "256KiB", ["workload.unit"] = "64KiB" }
end

return {
  title = "PFS: striping and I/O modes",
  machine = paragon {
    rows = 8, columns = 12, io_nodes = 16, model = param("machine.network.model", "ideal"),
    storage = { kind = "raid3" },
  },
  workload = {
    kind = "pfs", op = param("workload.op", "read"), mode = param("workload.mode", "M_RECORD"),
    nodes = param("workload.nodes", 64), size = size, unit = param("workload.unit", "64KiB"),
    factor = param("workload.factor", 16), requests = requests[size] or 4, warmup = 0,
  },
  sweep = {
    product = {
      ["workload.mode"] = { "M_UNIX", "M_LOG", "M_SYNC", "M_RECORD", "M_GLOBAL", "M_ASYNC" },
      ["workload.nodes"] = { 16, 64 },
      ["workload.unit"] = { "16KiB", "64KiB", "256KiB" },
      ["workload.size"] = { "64KiB", "256KiB", "1MiB" },
      ["workload.factor"] = { 1, 4, 16 },
    },
  },
  measures = { "pfs.bandwidth", "pfs.latency", "pfs.mesh", "pfs.queue", "pfs.arm" },
  figure = {
    x = "workload.factor", y = "pfs.bandwidth", by = "workload.mode", log = "x",
    where = { ["workload.nodes"] = 64, ["workload.size"] = "256KiB", ["workload.unit"] = "64KiB" },
    x_label = "stripe factor (I/O nodes)", y_label = "read bandwidth of 64 programs",
    expectations = {
      { kind = "ratio", name = "M_RECORD: 16 I/O nodes over 1", at = case("M_RECORD", 16),
        over = case("M_RECORD", 1), min = 10, doc = "nobody coordinates: all arms work" },
      { kind = "ratio", name = "M_UNIX: 16 I/O nodes over 1", at = case("M_UNIX", 16),
        over = case("M_UNIX", 1), max = 4,
        doc = "one request at a time, of four units: no more than four arms work" },
      { kind = "ratio", name = "M_GLOBAL: 16 I/O nodes over 4", at = case("M_GLOBAL", 16),
        over = case("M_GLOBAL", 4), min = 0.95, max = 1.05,
        doc = "one request for all, of four units: the fifth I/O node has nothing to do" },
      { kind = "ratio", name = "M_LOG over M_RECORD", at = case("M_LOG", 16),
        over = case("M_RECORD", 16), min = 0.9, max = 1.1,
        doc = "the devices are the limit, not the coordinator yet (pfs_coordinator)" },
    },
  },
}
