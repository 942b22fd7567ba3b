-- Files with buffers on an iPSC/860, as its Concurrent File System had them at NAS: bandwidth
-- against the number of programs, by who has which bytes of a shared file and by request.
--
--   psim run cfs_patterns -j2
--   psim figure cfs_patterns
--
-- Published [Nitzberg]: at most 8 MB/s reading and 7 writing, which is 70 to 80 % of the peak;
-- reads of the partitioned file under 1 MB/s on 128 nodes, since the buffers are too few; a like
-- drop of the interleaved one for small blocks; no scaling with nodes.
--
-- Inputs that are not published:
--   10 I/O nodes           ASSUMED(as the machine is recalled)
--   1.07 MB/s of a disk    CALIBRATED: 8 MB/s are three quarters of the peak of 10 disks
--   HP 97560               ASSUMED(a drive of the time; theirs is not known)
--   64 buffers of 4 KiB, 4 blocks read ahead
--                          ASSUMED(fewer than 128 programs; theirs are not known)
local ipsc860 = include "machines/ipsc860.lua"

local size = param("workload.size", "4KiB")
local requests = { ["512B"] = 256, ["4KiB"] = 128, ["64KiB"] = 8 }
local nitzberg = "Nitzberg, Performance of the iPSC/860 Concurrent File System, RND-92-020, 1992"

local function case(op, access, nodes, request, cache)
  return { ["workload.op"] = op, ["workload.access"] = access, ["workload.nodes"] = nodes,
           ["workload.size"] = request, cache = cache or 64 }
end
local function is(kind, name, members)
  members.kind, members.name, members.citation = kind, name, nitzberg
  members.confidence = "medium" -- of the abstract
  return members
end

return {
  title = "Files with buffers on an iPSC/860, by access pattern",
  machine = ipsc860 {
    dimension = 8, io_nodes = 10, model = "ideal",
    storage = {
      kind = "disk", model = "HP 97560", bus = { rate = param("bus", "1.07MB/s") },
      queue = { policy = "clook" },
    },
    os = {
      pfs_server = {
        lfs = { buffered = true, block = "4KiB", cache = param("cache", 64), read_ahead = 4,
                prealloc = 256 },
      },
    },
  },
  workload = {
    kind = "io", op = param("workload.op", "read"),
    access = param("workload.access", "interleaved"),
    nodes = param("workload.nodes", 16), size = size, unit = "4KiB",
    requests = requests[size] or 16, warmup = 0, work = true,
  },
  sweep = {
    product = {
      ["workload.op"] = { "read", "write" },
      ["workload.access"] = { "broadcast", "partitioned", "interleaved" },
      ["workload.size"] = { "512B", "4KiB", "64KiB" },
      ["workload.nodes"] = { 1, 4, 16, 64, 128 },
      cache = { 64, 1024 },
    },
    constraint = function(p)
      if p.cache == 1024 then
        return p["workload.op"] == "read" and p["workload.access"] == "partitioned" and
               p["workload.size"] == "512B"
      end
      if p["workload.op"] == "write" and p["workload.access"] == "partitioned" then
        return p["workload.nodes"] < 128 -- more extents than a record of a block takes
      end
      return p["workload.op"] == "read" or p["workload.access"] ~= "broadcast"
    end,
  },
  measures = { "file.bandwidth", "file.latency", "file.mesh", "file.queue", "file.arm" },
  figure = {
    x = "workload.nodes", y = "file.bandwidth", by = "workload.access", log = "xy",
    where = { ["workload.op"] = "read", ["workload.size"] = "512B", cache = 64 },
    x_label = "programs", y_label = "bandwidth of all, reads of 512 B",
    expectations = {
      is("value", "the most, reading", { at = case("read", "interleaved", 16, "4KiB"),
         equals = "8MB/s", within = 0.15, calibrated = true }),
      is("value", "the most, writing", { at = case("write", "interleaved", 16, "4KiB"),
         equals = "7MB/s", within = 0.15 }),
      is("range", "partitioned, 128 nodes, less than a block",
         { at = case("read", "partitioned", 128, "512B"), max = "1MB/s" }),
      is("range", "partitioned, 128 nodes, blocks",
         { at = case("read", "partitioned", 128, "4KiB"), max = "1MB/s",
           missed = "a block is read once; request, drive and what CFS read ahead are gaps" }),
      is("ratio", "partitioned, 128 nodes: enough buffers over too few",
         { at = case("read", "partitioned", 128, "512B", 1024),
           over = case("read", "partitioned", 128, "512B"), min = 4 }),
      is("ratio", "interleaved, 16 nodes: 512 B over blocks, reading",
         { at = case("read", "interleaved", 16, "512B"),
           over = case("read", "interleaved", 16, "4KiB"), max = 0.5 }),
      is("ratio", "interleaved, 128 nodes: 512 B over the most, writing",
         { at = case("write", "interleaved", 128, "512B"),
           over = case("write", "interleaved", 16, "4KiB"), max = 0.5 }),
      is("ratio", "interleaved, blocks: 128 nodes over 16",
         { at = case("read", "interleaved", 128, "4KiB"),
           over = case("read", "interleaved", 16, "4KiB"), max = 1.2 }),
    },
  },
}
