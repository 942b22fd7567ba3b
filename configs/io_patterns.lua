-- Access patterns of the benchmarks over PFS: who has which bytes of a shared file, and whether a
-- request names all its pieces or there is a request for each.
--
--   psim run io_patterns -j2
--   psim run io_patterns -p op=write -p workload.readback=true
--
-- Kotz's patterns have his names without the r or w: "cb" is an array dealt out cyclic by rows and
-- in blocks by columns.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local system = param("workload.system", "pfs")

local pattern = param("pattern", "interleaved")
local dealt = #pattern <= 2

local function case(p, method)
  return { pattern = p, ["workload.method"] = method }
end

return {
  title = "Access patterns over PFS",
  machine = paragon {
    rows = 4, columns = 6, io_nodes = 4, storage = { kind = "raid3" },
    os = system ~= "pfs" and services[system] or nil,
  },
  workload = {
    kind = "io", system = system, op = param("op", "read"), nodes = 16,
    access = dealt and "array" or pattern, method = param("workload.method", "list"),
    size = "128KiB", requests = 4, warmup = 0,
    shape = { distribution = dealt and pattern or "a", record = "8KiB", block = "256KiB",
              inner = 4, outer = "1MiB" },
  },
  sweep = {
    product = {
      pattern = { "interleaved", "partitioned", "broadcast", "segmented", "strided", "nested",
                  "random", "b", "c", "nb", "bn", "bb", "cb", "bc", "cc" },
      ["workload.method"] = { "list", "pieces" },
    },
  },
  measures = { "file.bandwidth", "file.latency" },
  expectations = {
    { kind = "ratio", name = "cyclic records: lists over pieces", measure = "file.bandwidth",
      at = case("c", "list"), over = case("c", "pieces"),
      min = param("op", "read") == "read" and 1 or 0.8,
      doc = "16 pieces of 8 KiB are under way at once, not one after the other" },
    { kind = "ratio", name = "one piece a request: lists change nothing",
      measure = "file.bandwidth",
      at = case("partitioned", "list"), over = case("partitioned", "pieces"), min = 1, max = 1 },
    { kind = "ratio", name = "all read the same, or each its own", measure = "file.bandwidth",
      at = case("broadcast", "list"), over = case("interleaved", "list"), min = 1,
      doc = "blocks that others have asked for are read again: PFS keeps no buffers" },
  },
}
