-- The striping sweep where it is large: 4,000 programs of a Paragon of 4,096 nodes read one file,
-- spread over up to 64 I/O nodes, by stripe unit, factor and request.
--
--   psim run pfs_striping_scale -j2
--   psim figure pfs_striping_scale
--
-- What a point costs says scripts/bench points; scale_pfs is one of them with more requests.
local paragon = include "machines/paragon.lua"

local size = param("workload.size", "256KiB")

local function case(unit, request, factor)
  return { ["workload.unit"] = unit, ["workload.size"] = request, ["workload.factor"] = factor }
end
-- The curve of a unit and a request.
local function linear(unit, request)
  return {
    kind = "linear", name = "requests of " .. request .. " in units of " .. unit, ["until"] = 64,
    of = { ["workload.unit"] = unit, ["workload.size"] = request }, within = 0.05,
    citation = "derived: every array has a queue, so that rates add up",
  }
end

return {
  title = "PFS: striping on 4,096 nodes",
  machine = paragon {
    rows = 64, columns = 64, io_nodes = 64, release = "R1.4",
    model = param("machine.network.model", "ideal"), storage = { kind = "raid3" },
  },
  workload = {
    kind = "io", op = "read", access = "partitioned", work = true,
    nodes = param("workload.nodes", 4000), size = size,
    unit = param("workload.unit", "64KiB"), factor = param("workload.factor", 64),
    requests = size == "64KiB" and 4 or 1, warmup = 0,
  },
  limits = { memory = "4GiB", host_time = "30min" },
  sweep = {
    product = {
      ["workload.unit"] = { "64KiB", "256KiB" },
      ["workload.size"] = { "64KiB", "256KiB" },
      ["workload.factor"] = { 4, 16, 64 },
    },
  },
  measures = { "file.bandwidth", "file.latency", "file.mesh", "file.queue", "file.arm" },
  figure = {
    x = "workload.factor", y = "file.bandwidth", by = "workload.unit", log = "xy",
    where = { ["workload.size"] = "256KiB" },
    x_label = "stripe factor (I/O nodes)", y_label = "read bandwidth of 4,000 programs",
    expectations = {
      linear("64KiB", "64KiB"), linear("64KiB", "256KiB"),
      linear("256KiB", "64KiB"), linear("256KiB", "256KiB"),
      { kind = "ratio", name = "256 KiB, 64 I/O nodes: one unit a request over four",
        at = case("256KiB", "256KiB", 64), over = case("64KiB", "256KiB", 64),
        min = 1.3, max = 1.7, doc = "an arm pays a positioning for each unit of a request" },
    },
  },
}
