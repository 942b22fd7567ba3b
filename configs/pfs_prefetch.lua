-- What reading ahead brings against the time that programs compute between two reads: 8 programs, 8
-- I/O nodes, one block ahead, as in the prototype of Arunachalam, Choudhary and Rullman.
--
--   psim figure pfs_prefetch
--
-- The figure draws the time of a read without reading ahead over that with it: by how much more a
-- program sees of the bandwidth.  `jumps`: a program begins again after three reads each time, so
-- that a block behind the third is not wanted.
local paragon = include "machines/paragon.lua"

local pattern = param("pattern", "records", { "records", "jumps" })

local function at(pattern, think, prefetch)
  return { pattern = pattern, think = think, prefetch = prefetch }
end
-- The gain at a time.
local function gain(name, pattern, think, min, max, citation)
  return {
    kind = "ratio", name = name, measure = "pfs.latency",
    at = at(pattern, think, 0), over = at(pattern, think, 1), min = min, max = max,
    citation = citation,
  }
end
local prototype = "Arunachalam, Choudhary, Rullman, SIGMETRICS 1995: shape as recalled"

return {
  title = "PFS: what reading ahead brings, against the time computed between reads",
  machine = paragon {
    rows = 4, columns = 5, io_nodes = 8, release = "R1.4", storage = { kind = "raid3" },
    os = { pfs_client = { prefetch = param("prefetch", 0) } },
  },
  workload = {
    kind = "pfs", op = "read", nodes = param("programs", 8),
    size = param("size", "64KiB"), requests = 24,
    mode = pattern == "records" and "M_RECORD" or "M_ASYNC",
    span = pattern == "jumps" and 3 or 0,
    think = param("think", "0"),
  },
  sweep = {
    product = {
      pattern = { "records", "jumps" },
      prefetch = { 0, 1 },
      think = { "0", "5ms", "10ms", "20ms", "40ms", "80ms", "160ms" },
    },
  },
  measures = { "pfs.latency", "pfs.bandwidth", "pfs.arm", "pfs_client.hits", "pfs_client.wasted" },
  figure = {
    x = "think", y = "pfs.latency", by = "pattern", over = { prefetch = 0 },
    where = { prefetch = 1 },
    x_label = "computing between two reads", y_label = "gain of reading ahead",
    expectations = {
      gain("records, no computing: a few per cent lost", "records", "0", 0.85, 1.0, prototype),
      { kind = "monotone", name = "records: the longer the computing, the shorter a read",
        measure = "pfs.latency", of = { pattern = "records", prefetch = 1 },
        direction = "falling", slack = 0.1, citation = prototype },
      gain("records, twice a read: several-fold", "records", "20ms", 3, nil, prototype),
      { kind = "ratio", name = "records: no more beyond that", measure = "pfs.latency",
        at = at("records", "40ms", 1), over = at("records", "160ms", 1), min = 0.8, max = 1.25,
        citation = prototype },
      gain("jumps, no computing: lost at most a tenth", "jumps", "0", 0.9, nil, prototype),
      gain("jumps, long computing: lost at most a tenth", "jumps", "80ms", 0.9, nil, prototype),
    },
  },
}
