-- Disk-directed I/O against caching at the I/O nodes, as simulated by Kotz: 16 compute and 16 I/O
-- nodes with an HP 97560 each, a file of 10 MiB in blocks of 8 KiB, an array dealt out to the
-- programs, its blocks in a row on each disk or anywhere.
--
--   psim figure disk_directed
--   psim run disk_directed -p method=pieces
--
-- by_part: traditional caching, where each program has a request under way at each I/O node, and
-- these keep two blocks for each of them and read one ahead.  directed: no cache, each window of
-- the file in the order of the disk (docs/models/pio.md).  Records of 8 bytes are 1.3 million
-- requests.
local kotz = include "machines/kotz.lua"

local method = param("method", "directed")
local MiB = 1048576
local paper = "Kotz, Disk-directed I/O for MIMD multiprocessors, OSDI 1994"

-- A point of the sweep.
local function case(distribution, how, op, scattered, record, scale)
  return { distribution = distribution, method = how, ["workload.op"] = op or "read",
           scattered = scattered or false, record = record or "8KiB", scale = scale or 1 }
end
-- How many times as fast, for records of 8 bytes, with prices so many times as high.
local function small(scale, min, max, doc)
  return {
    kind = "ratio", name = "records of 8 bytes: disk-directed over caching, prices times " .. scale,
    at = case("c", "directed", "read", false, "8B", scale),
    over = case("c", "by_part", "read", false, "8B", scale), min = min, max = max, doc = doc,
  }
end

local function value(name, at, bandwidth)
  return { kind = "value", name = name, at = at, equals = bandwidth * MiB, within = 0.15,
           citation = paper, confidence = "medium" }
end

return {
  title = "Disk-directed I/O and traditional caching",
  machine = kotz {
    scale = param("scale", 1),
    os = {
      pfs_server = {
        lfs = {
          block = "8KiB", inode = "4KiB", prealloc = 80, scattered = param("scattered", false),
          buffered = method ~= "directed", cache = 32, read_ahead = 1,
        },
      },
    },
  },
  workload = {
    kind = "io", op = param("workload.op", "read"), nodes = 16, access = "array",
    method = method, unit = "8KiB", factor = 16,
    size = "640KiB", requests = 1, warmup = 0, start = "0",
    shape = { distribution = param("distribution", "b"), record = param("record", "8KiB") },
  },
  sweep = {
    product = {
      ["workload.op"] = { "read", "write" },
      scattered = { false, true },
      distribution = { "b", "c", "bb", "bc", "cb", "cc" },
      method = { "directed", "by_part" },
      record = { "8KiB", "8B" },
      scale = { 1, 3 },
    },
    constraint = function(p)
      if p.record == "8KiB" then return p.scale == 1 end
      return p.distribution == "c" and p["workload.op"] == "read" and not p.scattered
    end,
  },
  measures = { "file.bandwidth", "file.latency", "coll.requests" },
  figure = {
    x = "distribution", y = "file.bandwidth", by = "method",
    where = { ["workload.op"] = "read", scattered = false, record = "8KiB", scale = 1 },
    x_label = "distribution", y_label = "bandwidth of all",
    expectations = {
      value("in a row, blocks: disk-directed reads", case("b", "directed"), 34),
      value("in a row, cyclic by both: disk-directed reads", case("cc", "directed"), 34),
      value("anywhere: disk-directed reads", case("b", "directed", "read", true), 6.75),
      value("anywhere: disk-directed writes", case("b", "directed", "write", true), 6.75),
      { kind = "ratio", name = "disk-directed: the distribution does not matter",
        at = case("b", "directed"), over = case("bc", "directed"), min = 0.95, max = 1.05,
        citation = paper, confidence = "medium" },
      { kind = "ratio", name = "caching: the best distribution over the worst",
        at = case("c", "by_part"), over = case("c", "by_part", "read", false, "8B"), min = 5,
        citation = paper, confidence = "medium" },
      small(1, 4, 8, "up to 16 times in the paper; the prices of messages and files are ours"),
      small(3, 12, 18, "so many it would be with 66 us of an I/O node a request"),
      { kind = "ratio", name = "blocks: disk-directed over caching",
        at = case("b", "directed"), over = case("b", "by_part"), min = 3, max = 4,
        doc = "guards our own figure" },
    },
  },
}
