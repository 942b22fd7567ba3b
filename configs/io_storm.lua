-- A storm of small files over PFS: 64 programs make 4,096 of 1 KiB, look at them, list and remove
-- them; of a stripe factor of 1, and of the mount's, all I/O nodes.
--
--   psim run io_storm -j2
--
-- A million, at either factor; docs/models/pio.md says what they take:
--
--   psim run io_storm -p files=1000000 -p factor=1
--
-- Every file begins on the first I/O node and none is longer than a unit, so one device has a
-- record and a fragment of each: 512 bytes twice, and 1 KiB, on drives of 512-byte sectors.
-- What its server works on at a time (pool) waits for that device, whatever the factor; at the
-- mount's, opens and removes ask every I/O node, which costs messages and no time that shows.
local paragon = include "machines/paragon.lua"
local files, ranks = param("files", 4096), param("ranks", 64)
local io_nodes = param("io_nodes", 16)

return {
  title = "A storm of small files",
  machine = paragon {
    rows = 8, columns = (ranks + io_nodes) // 8 + 1, io_nodes = io_nodes,
    storage = { kind = "raid0" },
    os = { pfs_server = { pool = param("pool", 16),
                          lfs = { fragment = param("fragment", "1KiB"), inode = "512B" } } },
  },
  workload = {
    kind = "metadata", system = "pfs", nodes = ranks, factor = param("factor", 1),
    bytes = param("bytes", "1KiB"), requests = files // ranks, warmup = 0,
    directory = param("directory", "own"),
  },
  limits = { memory = "8GiB", host_time = "4h" },
  sweep = { product = { factor = { 1, 0 } } },
  measures = {
    "meta.operations", "meta.creates", "meta.stats", "meta.lists", "meta.removes", "lfs.used",
  },
  expectations = {
    { kind = "value", name = "space of the files", measure = "lfs.used",
      at = { factor = param("factor", 1) }, equals = files * 1024, within = 0.001 },
  },
}
