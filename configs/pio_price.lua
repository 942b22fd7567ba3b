-- What programs gain from the common interface over PFS: native ones know contiguous reads and
-- writes alone, and keep nothing; the same work by what os/pio offers beside those.
--
--   psim figure pio_price -j2
--
-- work: small   4 programs, each its part in requests of 1 KiB: a cache on their nodes
--       stripe  16 programs, each its part in requests of 64 KiB: a list of one piece
--       huge    16 programs, each its part in one request of 4 MiB: read disk-directed, written in
--               two phases
--       dealt   16 programs, records of 4 KiB in turn: disk-directed
local paragon = include "machines/paragon.lua"

local work = param("work", "small", { "small", "stripe", "huge", "dealt" })
local op, by = param("op", "read"), param("by", "native", { "native", "interface" })
local works = {
  small = { nodes = 4, size = "1KiB", requests = 320, cached = true },
  stripe = { nodes = 16, size = "64KiB", requests = 8, read = "list", write = "list" },
  huge = { nodes = 16, size = "4MiB", requests = 1, read = "directed", write = "two_phase" },
  dealt = { nodes = 16, size = "512KiB", requests = 1, read = "directed", write = "directed",
            shape = { distribution = "c", record = "4KiB" } },
}
local w = works[work]
local new = by == "interface"

-- The interface over native programs; published: at least as fast, and much faster in three.
local function over(name, o, min, doc)
  return {
    kind = "ratio", name = name .. ", " .. o .. ": interface over native",
    at = { work = name, op = o, by = "interface" }, over = { work = name, op = o, by = "native" },
    min = min, doc = doc, confidence = "medium",
    citation = "Corbett and others, SIO low-level interface 1.0, 1996: abstract",
  }
end

return {
  title = "PFS by the common interface and by native programs",
  machine = paragon { rows = 5, columns = 6, io_nodes = 8, storage = { kind = "raid3" } },
  workload = {
    kind = "io", op = op, nodes = param("nodes", w.nodes), warmup = 0, work = true,
    access = w.shape and "array" or "partitioned", shape = w.shape,
    size = w.size, requests = w.requests, method = new and w[op] or "pieces",
    caching = new and w.cached and "weak" or "none",
    client_cache = new and w.cached and { block = "64KiB" } or nil,
  },
  sweep = {
    product = {
      work = { "small", "stripe", "huge", "dealt" }, op = { "read", "write" },
      by = { "native", "interface" },
    },
  },
  measures = { "file.bandwidth", "file.latency", "arm.busiest", "cpu.busiest" },
  figure = {
    x = "work", y = "file.bandwidth", by = "by", where = { op = "read" },
    x_label = "work", y_label = "read bandwidth of all",
    expectations = {
      over("small", "read", 1.2, "blocks of 64 KiB are fetched before they are asked for"),
      over("small", "write", 1.2, "what is written goes by blocks, later"),
      over("stripe", "read", 1), over("stripe", "write", 1),
      over("huge", "read", 1.2, "each arm reads its part in order, whoever asked"),
      over("huge", "write", 1),
      over("dealt", "read", 1.2, "one request of an I/O node in place of 128 of each program"),
      over("dealt", "write", 1.2),
    },
  },
}
