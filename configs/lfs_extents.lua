-- Extent-like transfers: what McVoy and Kleiman changed in FFS, switched on and off. A stream, or
-- reads of places in any order, of 8 KiB requests through the buffers of one disk.
--
--   psim run lfs_extents
--   psim figure lfs_extents
--
-- layout: "interleaved" has a block left out behind each block of a file (lfs.gap), blocks go one
-- by one and one is read ahead, as before them; "blocks" has the file in one piece and no more;
-- the others join neighbours up to a cluster (lfs.queue, max_io), and read a cluster ahead.
-- limit: "buffer", a drive that reads on by itself into its buffer; "plain", one that does not;
-- "cpu", where all software takes a thousand times as long and no byte is copied, as in a mapped
-- file: bytes a second are then a thousandth of those of a CPU second.
-- One CPU does all (release R1.2), as theirs did.  The drive is a later one; theirs is not known.
local paragon = include "machines/paragon.lua"

local layout, what = param("layout", "56KiB"), param("what", "read", { "read", "write", "random" })
local limit = param("limit", "buffer", { "buffer", "plain", "cpu" })

local cluster = { ["56KiB"] = 7, ["120KiB"] = 15 }
local mk = "McVoy and Kleiman, Extent-like Performance from a UNIX File System, USENIX Winter "
  .. "1991, as recalled"

local disk = include "disks/hp_97560.lua"
disk.cache = { enabled = limit ~= "plain" }
local machine = paragon {
  rows = 2, columns = 2, release = "R1.2", scale = limit == "cpu" and 1000 or 1,
  nodes = { compute = { storage = disk } },
  os = {
    { service = "nx" },
    { service = "file_client", files = { {
      layer = "lfs", block = "8KiB", inode = "8KiB", buffered = true, cache = 32,
      gap = layout == "interleaved" and 1 or 0, read_ahead = cluster[layout] or 1,
      max_io = cluster[layout] and layout or "8KiB", queue = cluster[layout] and 1 or 0,
    } } },
  },
}
if limit == "cpu" then machine.prices.copy = {} end

local function case(how, what, limit)
  return { layout = how, what = what, limit = limit or "buffer" }
end

-- A case over the interleaved layout.
local function gain(name, how, what_, limit_, members)
  members.kind, members.name, members.measure = "ratio", name, "file.bandwidth"
  members.at, members.over = case(how, what_, limit_), case("interleaved", what_, limit_)
  members.citation, members.confidence = mk, "medium"
  return members
end

return {
  title = "Extent-like transfers: a file through the buffers of one disk",
  machine = machine,
  workload = {
    kind = "io", system = "files", file = "own", nodes = 1, size = "8KiB", requests = 256,
    access = what == "random" and what or "partitioned", op = what == "write" and what or "read",
    warmup = 0, sync = "close", work = true,
  },
  sweep = {
    product = {
      what = { "read", "write", "random" }, limit = { "buffer", "plain", "cpu" },
      layout = { "interleaved", "blocks", "56KiB", "120KiB" },
    },
  },
  measures = { "file.bandwidth", "file.latency", "lfs.device_reads", "lfs.device_writes" },
  figure = {
    x = "layout", y = "file.bandwidth", by = "what", where = { limit = "buffer" },
    x_label = "layout, or largest transfer", y_label = "bandwidth",
  },
  expectations = {
    gain("read in clusters of 56 KiB over interleaved blocks", "56KiB", "read", "buffer",
      { min = 1.8, max = 2.2 }),
    gain("written in clusters of 120 KiB over interleaved blocks", "120KiB", "write", "buffer",
      { min = 1.8, max = 2.2, missed = "the drive has no buffer for writes: between two clusters "
        .. "it waits for most of a revolution" }),
    gain("CPU a byte: a quarter less", "56KiB", "read", "cpu", { equals = 1 / 0.75, within = 0.1 }),
    gain("any order: unchanged", "56KiB", "random", "buffer", { equals = 1, within = 0.1 }),
    { kind = "ratio", name = "a drive that reads on: one piece over interleaved",
      measure = "file.bandwidth", at = case("blocks", "read"), over = case("interleaved", "read"),
      equals = 1.98, within = 0.05, guard = true },
    { kind = "ratio", name = "one that does not: one piece over interleaved",
      measure = "file.bandwidth", at = case("blocks", "read", "plain"),
      over = case("interleaved", "read", "plain"), equals = 0.4, within = 0.05, guard = true },
    { kind = "ratio", name = "written in clusters of 120 KiB: as it is",
      measure = "file.bandwidth", at = case("120KiB", "write"),
      over = case("interleaved", "write"), equals = 1.467, within = 0.05, guard = true },
  },
}
