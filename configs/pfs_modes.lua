-- Bandwidth of PFS against the number of programs, in each I/O mode: all ranks write, or read, one
-- shared file on 16 I/O nodes, each rank its own part of it.
--
--   psim run pfs_modes -j2
--   psim run pfs_modes -p workload.mode=M_UNIX -p workload.access=interleaved
--
-- What must be there, and why, stands in docs/VALIDATION.md.
local paragon = include "machines/paragon.lua"

-- One point of the sweep, for the expectations.
local function case(op, mode, programs)
  return { ["workload.op"] = op, ["workload.mode"] = mode, ["workload.nodes"] = programs }
end

return {
  title = "PFS: bandwidth against programs, by I/O mode",
  machine = paragon {
    rows = 16, columns = 16, io_nodes = 16, release = param("release", "R1.4"),
    transport = param("transport", "rdm", { "rdm", "ulp", "tcp" }),
    storage = { kind = "raid3" },
  },
  workload = {
    kind = "pfs",
    op = param("workload.op", "write"),
    mode = param("workload.mode", "M_ASYNC"),
    nodes = param("workload.nodes", 16),
    access = param("workload.access", "partitioned"),
    size = param("workload.size", "256KiB"),
    requests = 8,
    warmup = 0, -- the last of M_LOG's programs has its first request when the others end
  },
  sweep = {
    product = {
      ["workload.op"] = { "write", "read" },
      ["workload.mode"] = { "M_UNIX", "M_LOG", "M_SYNC", "M_RECORD", "M_GLOBAL", "M_ASYNC" },
      ["workload.nodes"] = { 1, 4, 16, 64 },
    },
  },
  measures = {
    "pfs.bandwidth", "pfs.latency", "pfs.client", "pfs.mesh", "pfs.queue", "pfs.arm",
  },
  figure = {
    x = "workload.nodes", y = "pfs.bandwidth", by = "workload.mode",
    where = { ["workload.op"] = "write" }, log = "x",
    x_label = "programs", y_label = "write bandwidth of all",
    expectations = {
      { kind = "monotone", name = "M_UNIX falls with writers",
        of = { ["workload.mode"] = "M_UNIX", ["workload.op"] = "write" },
        direction = "falling", citation = "shape as recalled: one request at a time" },
      { kind = "ratio", name = "16 programs: M_ASYNC over M_UNIX",
        at = case("write", "M_ASYNC", 16), over = case("write", "M_UNIX", 16), min = 2,
        doc = "one request at a time against all I/O nodes at once" },
      { kind = "ratio", name = "M_GLOBAL: devices read for 64 programs what they read for one",
        measure = "raid3.sectors_read", at = case("read", "M_GLOBAL", 64),
        over = case("read", "M_GLOBAL", 1), equals = 1, within = 0,
        citation = "proposal 5.1: a single compute node reads the file and distributes it" },
      { kind = "ratio", name = "M_RECORD, reading: 16 programs over one",
        at = case("read", "M_RECORD", 16), over = case("read", "M_RECORD", 1), min = 3,
        citation = "shape as recalled: rises to what the I/O nodes have" },
      { kind = "ratio", name = "M_RECORD, reading: then flat",
        at = case("read", "M_RECORD", 64), over = case("read", "M_RECORD", 16), min = 0.9,
        max = 1.2,
        citation = "shape as recalled: rises to what the I/O nodes have" },
      { kind = "ratio", name = "64 programs: M_RECORD over M_ASYNC",
        at = case("write", "M_RECORD", 64), over = case("write", "M_ASYNC", 64), min = 0.5, max = 2,
        doc = "both have no coordinator" },
    },
  },
}
