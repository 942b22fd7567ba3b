-- Bandwidth of PFS against stripe factor (I/O nodes that a file is spread over), stripe unit and
-- request size, on a 16x32 Paragon with 16 I/O nodes.  Two populations: one program alone, whose
-- requests show how many I/O nodes one request keeps busy, and hundreds, which keep all busy.
--
--   psim run pfs_striping -j2
--   psim run pfs_striping -p workload.op=write -p workload.nodes=480
--
-- What must be there, and why, stands in docs/VALIDATION.md.
local paragon = include "machines/paragon.lua"

local size = param("workload.size", "64KiB")
local nodes = param("workload.nodes", 240)

-- Fewer, longer requests: about the same bytes a point.
local requests = { ["64KiB"] = 8, ["256KiB"] = 4, ["1MiB"] = 2 }

-- One point of the sweep, for the expectations.
local function case(op, programs, unit, request, factor)
  return { ["workload.op"] = op, ["workload.nodes"] = programs, ["workload.unit"] = unit,
           ["workload.size"] = request, ["workload.factor"] = factor }
end

return {
  title = "PFS: bandwidth against stripe factor, stripe unit and request size",
  machine = paragon {
    rows = 16, columns = 32, io_nodes = 16, release = param("release", "R1.4"),
    transport = param("transport", "rdm", { "rdm", "ulp", "tcp" }),
    storage = { kind = "raid3" },
  },
  workload = {
    kind = "pfs",
    op = param("workload.op", "read"),
    nodes = nodes,
    size = size,
    unit = param("workload.unit", "64KiB"),
    factor = param("workload.factor", 16),
    requests = nodes == 1 and 8 or requests[size] or 4,
    -- Sorted by block, an arm goes on with those who ask again in front of it: some of a crowd may
    -- have ended before others have had their first request.  So none is left out as warm-up.
    warmup = nodes == 1 and 1 or 0,
  },
  sweep = {
    product = {
      ["workload.op"] = { "read", "write" },
      ["workload.nodes"] = { 1, 240 },
      ["workload.unit"] = { "64KiB", "256KiB" },
      ["workload.size"] = { "64KiB", "256KiB", "1MiB" },
      ["workload.factor"] = { 1, 2, 4, 8, 16 },
    },
  },
  measures = {
    "pfs.bandwidth", "pfs.latency", "pfs.client", "pfs.mesh", "pfs.queue", "pfs.arm",
  },
  figure = {
    x = "workload.factor", y = "pfs.bandwidth", by = "workload.size",
    where = { ["workload.op"] = "read", ["workload.nodes"] = 240, ["workload.unit"] = "64KiB" },
    x_label = "stripe factor (I/O nodes)", y_label = "read bandwidth of 240 programs",
    expectations = {
      { kind = "ratio", name = "240 programs: 16 I/O nodes over 1, one unit a request",
        at = case("read", 240, "64KiB", "64KiB", 16), over = case("read", 240, "64KiB", "64KiB", 1),
        min = 22, max = 31,
        doc = "more than linear: the shorter the sweep, the more the drives have read on" },
      { kind = "ratio", name = "the same for writing",
        at = case("write", 240, "64KiB", "64KiB", 16),
        over = case("write", 240, "64KiB", "64KiB", 1), min = 9, max = 14,
        doc = "less than linear: eight requests a program end unevenly over many arms" },
      { kind = "ratio", name = "one program, 4 units a request: 4 I/O nodes over 1",
        at = case("read", 1, "64KiB", "256KiB", 4), over = case("read", 1, "64KiB", "256KiB", 1),
        min = 2, doc = "up to the knee each I/O node adds an arm" },
      { kind = "ratio", name = "one program, 4 units a request: 16 I/O nodes over 4",
        at = case("read", 1, "64KiB", "256KiB", 16), over = case("read", 1, "64KiB", "256KiB", 4),
        min = 0.98, max = 1.02, doc = "beyond the knee a request touches no more of them" },
      { kind = "ratio", name = "one program, 1 unit a request: 16 I/O nodes over 1",
        at = case("read", 1, "64KiB", "64KiB", 16), over = case("read", 1, "64KiB", "64KiB", 1),
        min = 0.98, max = 1.02, doc = "the knee is at one I/O node" },
    },
  },
}
