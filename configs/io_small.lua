-- The space that small files take on the I/O nodes' devices, with and without fragments of blocks.
--
--   psim run io_small -j2
--
-- 16 programs make 16 files each of one size, look at them, and remove them.  Without fragments a
-- file takes a block of 64 KiB, whatever its size.  All files are on the first I/O node (factor 1):
-- its arm is the limit.  The files' ends lie side by side, so they are looked at sooner, too.
local paragon = include "machines/paragon.lua"

local function case(fragment, bytes) return { fragment = fragment, bytes = bytes } end
local function space(bytes, fragments)
  return { kind = "ratio", name = bytes .. " in fragments of 8 KiB: space", measure = "lfs.used",
           at = case("8KiB", bytes), over = case("0B", bytes),
           min = fragments / 8 - 0.001, max = fragments / 8 + 0.001 }
end

return {
  title = "Space of small files",
  machine = paragon {
    rows = 4, columns = 6, io_nodes = 4, storage = { kind = "raid3" },
    os = { pfs_server = { lfs = { fragment = param("fragment", "0B"), inode = "2KiB" } } },
  },
  workload = {
    kind = "metadata", system = "pfs", nodes = 16, factor = 1, bytes = param("bytes", "1KiB"),
    requests = 16, warmup = 0,
  },
  sweep = {
    product = { fragment = { "0B", "8KiB", "2KiB" }, bytes = { "1KiB", "20KiB" } },
  },
  measures = {
    "lfs.used", "lfs.device_writes", "meta.creates", "meta.create.mean", "meta.stat.mean",
  },
  expectations = {
    space("1KiB", 1), space("20KiB", 3),
    { kind = "ratio", name = "1 KiB in fragments of 2 KiB: space", measure = "lfs.used",
      at = case("2KiB", "1KiB"), over = case("0B", "1KiB"), min = 1 / 32 - 0.001,
      max = 1 / 32 + 0.001 },
    { kind = "ratio", name = "files are made as fast", measure = "meta.creates",
      at = case("8KiB", "1KiB"), over = case("0B", "1KiB"), min = 0.95, max = 1.2,
      doc = "a record is written and a flush waits for it, with and without" },
  },
}
