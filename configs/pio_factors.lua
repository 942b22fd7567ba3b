-- A mixed load, large files and many small ones, on the same I/O nodes: one stripe factor for all
-- files, as a mount of PFS has it, against a factor for each, as in Vesta.
--
--   psim run pio_factors -j2
--
-- 4 programs read 32 MiB each in requests of 4 MiB, 16 read 8 files of 256 KiB each; the trace says
-- 16 I/O nodes for a large file, one for a small one.  factor: one for all; each: the trace's.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local system = param("system", "pfs")
local factor = param("factor", "each", { "each", "1", "4", "16" })

local function over(name, measure, sys, a, b, min, max, doc)
  a, b = tostring(a), tostring(b)
  return { kind = "ratio", name = sys .. ": " .. name, measure = measure,
           at = { system = sys, factor = a }, over = { system = sys, factor = b },
           min = min, max = max, doc = doc }
end
local small = "file.latency.p50" -- 128 of the 160 requests

return {
  title = "A factor for all files, or for each",
  machine = paragon {
    rows = 4, columns = 10, io_nodes = 16, storage = { kind = "raid3" },
    os = system == "vesta" and services.vesta or
         { pfs_meta = { per_file_layout = factor == "each", first = "round" } },
  },
  workload = { kind = "replay", system = system, trace = "traces/mixed.replay", unit = "64KiB",
               factor = factor == "each" and 0 or math.tointeger(tonumber(factor)) },
  sweep = { product = { system = { "pfs", "vesta" }, factor = { "each", "1", "4", "16" } } },
  measures = { "file.bandwidth", "file.latency", "file.latency.p50", "file.latency.p95" },
  expectations = {
    over("bandwidth, one each over 1 for all", "file.bandwidth", "pfs", "each", 1, 1.8, nil,
         "a large file has the arm of one I/O node"),
    over("bandwidth, one each over 16 for all", "file.bandwidth", "pfs", "each", 16, 1.1),
    over("small files, one each over 16 for all", small, "pfs", "each", 16, nil, 0.4,
         "four arms move for what one would give"),
    over("small files, one each over 1 for all", small, "pfs", "each", 1, 0.8, 1.25),
    over("bandwidth, one each over 1 for all", "file.bandwidth", "vesta", "each", 1, 1.8),
    over("bandwidth, one each over 16 for all", "file.bandwidth", "vesta", "each", 16, 1.1),
    over("small files, one each over 16 for all", small, "vesta", "each", 16, nil, 0.9),
  },
  figure = {
    x = "factor", y = "file.bandwidth", by = "system",
    x_label = "stripe factor of all files, or of each its own", y_label = "bandwidth of all",
  },
}
