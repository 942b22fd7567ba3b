-- Collective I/O over PFS: an array of 4 MiB dealt out to 16 programs in several ways, moved by
-- each method: piece by piece, by lists, by data sieving, in two phases, disk-directed.
--
--   psim figure pfs_collective
--   psim run pfs_collective -p op=write -p workload.readback=true
--
-- Kotz's names of distributions without the r or w.  What each method does: docs/models/pio.md.
local paragon = include "machines/paragon.lua"

local function case(distribution, method)
  return { distribution = distribution, ["workload.method"] = method }
end

local two_phase = "Bordawekar, del Rosario, Choudhary, Primitives for parallel I/O, 1993: abstract"

-- The bandwidth of one distribution over that of another, moved by one method.
local function over(a, b, method, min, max, doc)
  return { kind = "ratio", name = method .. ": " .. a .. " over " .. b, at = case(a, method),
           over = case(b, method), min = min, max = max, doc = doc }
end

-- Published: whatever the distribution, within a factor of 2 of the best.
local function within_two(distribution)
  local e = over(distribution, "b", "two_phase", 0.5, 2)
  e.citation, e.confidence = two_phase, "medium"
  return e
end

return {
  title = "Collective I/O over PFS: how an array is dealt out",
  machine = paragon {
    rows = 4, columns = 6, io_nodes = 4, model = param("machine.network.model", "ideal"),
    transport = param("transport", "rdm", { "rdm", "ulp", "tcp" }),
    storage = { kind = "raid3" },
  },
  workload = {
    kind = "io", op = param("op", "read"), nodes = 16, access = "array",
    method = param("workload.method", "list"), readback = param("workload.readback", false),
    size = "256KiB", requests = 1, warmup = 0, start = "0",
    shape = { distribution = param("distribution", "b"), record = param("record", "1KiB") },
    collective = {
      buffer = param("workload.collective.buffer", "1MiB"),
      aggregators = param("workload.collective.aggregators", 0),
    },
  },
  sweep = {
    product = {
      distribution = { "b", "c", "nb", "bb", "bc", "cb", "cc" },
      ["workload.method"] = { "pieces", "list", "sieve", "two_phase", "directed" },
    },
  },
  measures = {
    "file.bandwidth", "file.latency", "coll.requests", "coll.requested", "coll.exchanged",
  },
  figure = {
    x = "distribution", y = "file.bandwidth", by = "workload.method",
    x_label = "distribution", y_label = "bandwidth of all",
    expectations = {
      over("b", "c", "pieces", 4, nil, "each program asks for 1 KiB at a time, 256 times"),
      within_two("c"), within_two("nb"), within_two("bb"), within_two("bc"), within_two("cb"),
      within_two("cc"),
      over("b", "c", "directed", 0.8, 1.25, "the disks' order does not depend on who wants what"),
      { kind = "ratio", name = "cyclic records: two-phase over pieces", at = case("c", "two_phase"),
        over = case("c", "pieces"), min = 2,
        citation = two_phase, confidence = "medium" },
      { kind = "ratio", name = "blocks: two-phase over the direct way", at = case("b", "two_phase"),
        over = case("b", "list"), min = 0.5,
        citation = two_phase, confidence = "medium" },
    },
  },
}
