-- PFS over four RAID-3 arrays, over time: one loses a drive under load, gets a spare two seconds
-- later and fills it, and is scrubbed later on.  Every byte that is read is compared, as always.
--
-- The file is filled first: all programs read from 1.3 s on.
--
--   psim figure pfs_rebuild_time
local paragon = include "machines/paragon.lua"

local function at(seconds)
  return (2 + seconds) .. "s"
end

return {
  title = "PFS while one array of four loses a drive, is rebuilt and scrubbed",
  machine = paragon {
    rows = 8, columns = 8, io_nodes = 4, release = param("release", "R1.4"),
    storage = { kind = "raid3", rebuild_rate = param("rate", "0"), rebuild_batch = 1024,
                disk = { geometry = { cylinders = 20 } } },
    faults = {
      { path = "io0.0.member.2", action = "death", at = at(2) },
      { path = "io0.0", action = "spare", at = at(4) },
      -- What the scrub finds: parity with bits turned over, and sectors that cannot be read.
      { path = "io0.0.member.4", action = "flip", at = at(28), sector = 4000, bits = 4 },
      { path = "io0.0.member.1", action = "sector", at = at(28), sector = 20000, sectors = 8 },
      { path = "io0.0", action = "scrub", at = at(29) },
    },
  },
  workload = {
    kind = "pfs", op = "read", nodes = 16, factor = 4, size = "64KiB", unit = "64KiB",
    requests = 1150, span = 40,
  },
  results = { bin = "1s" },
  sweep = { product = { rate = { "0", "500kB/s" } } },
  measures = { "pfs.bandwidth", "raid3.rebuilt_stripes", "raid3.scrubbed_stripes",
               "raid3.mismatches", "raid3.repaired" },
  figure = {
    x = "time", y = "pfs.bandwidth.bin", by = "rate", y_label = "bandwidth",
  },
  expectations = {
    { kind = "ratio", name = "degraded over whole", measure = "pfs.bandwidth.bin",
      at = { rate = "0", time = "4s" }, over = { rate = "0", time = "3s" },
      equals = 1, within = 0.04,
      citation = "derived: the spindles of RAID-3 turn as one, parity costs no time" },
    { kind = "ratio", name = "rebuilding over whole", measure = "pfs.bandwidth.bin",
      at = { rate = "0", time = "15s" }, over = { rate = "0", time = "3s" }, min = 0.79, max = 0.84,
      doc = "steps of 1,024 stripes stand in the way of an array of four, and all wait for it" },
    { kind = "ratio", name = "rebuilt over whole", measure = "pfs.bandwidth.bin",
      at = { rate = "0", time = "27s" }, over = { rate = "0", time = "3s" },
      equals = 1, within = 0.04,
      citation = "derived: the spare does what the lost drive did" },
    { kind = "ratio", name = "scrubbing over whole", measure = "pfs.bandwidth.bin",
      at = { rate = "0", time = "35s" }, over = { rate = "0", time = "3s" }, min = 0.79, max = 0.84,
      doc = "a scrub reads what a rebuild reads, without writing: as much in the way" },
    { kind = "ratio", name = "scrubbed over whole", measure = "pfs.bandwidth.bin",
      at = { rate = "0", time = "44s" }, over = { rate = "0", time = "3s" },
      equals = 1, within = 0.04,
      citation = "derived: nothing is under way but requests" },
    { measure = "raid3.rebuilt_stripes", at = { rate = "0" }, equals = 27360, within = 0,
      citation = "derived: the whole drive" },
    { measure = "raid3.scrubbed_stripes", at = { rate = "0" }, equals = 27360, within = 0,
      citation = "derived: the whole drive" },
    { measure = "raid3.mismatches", equals = 1, within = 0,
      citation = "derived: the parity that was turned over" },
    { measure = "raid3.repaired", at = { rate = "0" }, equals = 8, within = 0,
      citation = "derived: the sectors that could not be read" },
  },
}
