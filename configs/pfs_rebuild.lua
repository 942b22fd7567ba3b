-- PFS over RAID-3 arrays of which one loses a drive under load: whole, degraded (no spare), and
-- while a spare is filled at two rates.  Every byte that is read is compared, as always.
local paragon = include "machines/paragon.lua"

local state = param("state", "whole", { "whole", "degraded", "slow", "fast" })
local rates = { slow = "250kB/s", fast = "0" }

return {
  title = "PFS while one array of four is degraded or rebuilt",
  machine = paragon {
    rows = 8, columns = 8, io_nodes = 4, release = param("release", "R1.4"),
    storage = { kind = "raid3", spares = rates[state] and 1 or 0,
                rebuild_rate = rates[state] or "0",
                disk = { geometry = { cylinders = 98 } } },
    faults = state ~= "whole" and {
      { path = "io0.0.member.2", action = "death", at = param("at", "200ms") },
    } or nil,
  },
  workload = {
    kind = "pfs", op = "read", nodes = 16, factor = 4, size = "64KiB", unit = "64KiB",
    requests = 64,
  },
  sweep = { product = { state = { "whole", "degraded", "slow", "fast" } } },
  measures = { "pfs.bandwidth", "pfs.latency" },
  expectations = {
    { kind = "ratio", name = "degraded over whole", measure = "pfs.bandwidth",
      at = { state = "degraded" }, over = { state = "whole" }, min = 0.98, max = 1.02,
      doc = "the spindles turn as one: parity costs no time" },
    { kind = "ratio", name = "rebuilding as fast as it goes over whole", measure = "pfs.bandwidth",
      at = { state = "fast" }, over = { state = "whole" }, max = 0.9,
      doc = "the batches of the rebuild stand in the arm's way" },
  },
}
