-- Two-phase transfers of 1,024 programs over 64 I/O nodes, by how many of them move the data for
-- all: an array of 64 MiB dealt out cyclic in both dimensions.
--
--   psim figure pfs_aggregators
--
-- With fewer aggregators than programs each program sends its list to those alone in whose domains
-- it has bytes; with all of them (0, the default) everybody learns every list, which with 1,024
-- programs takes more than 2 GiB of the host.
local paragon = include "machines/paragon.lua"

local function case(aggregators)
  return { ["workload.collective.aggregators"] = aggregators }
end

return {
  title = "Two-phase transfers of 1,024 programs, by aggregators",
  machine = paragon {
    rows = 32, columns = 35, io_nodes = 64, model = "ideal", storage = { kind = "raid3" },
  },
  workload = {
    kind = "io", op = param("op", "read"), nodes = param("workload.nodes", 1024),
    access = "array", method = "two_phase", size = "64KiB", requests = 1, warmup = 0, start = "0",
    shape = { distribution = "cc", record = "8KiB" },
    collective = { aggregators = param("workload.collective.aggregators", 64) },
  },
  sweep = {
    product = { ["workload.collective.aggregators"] = { 16, 64, 256 } },
  },
  measures = {
    "file.bandwidth", "file.latency", "coll.requests", "coll.exchanged", "nx.sent",
  },
  figure = {
    x = "workload.collective.aggregators", y = "file.bandwidth", log = "x",
    x_label = "aggregators", y_label = "read bandwidth of 1,024 programs",
    expectations = {
      { kind = "ratio", name = "64 aggregators over 16, for 64 I/O nodes", at = case(64),
        over = case(16), min = 1.1, max = 1.6,
        doc = "16 requests at a time of 4 MiB keep few I/O nodes busy to their end" },
      { kind = "ratio", name = "256 over 64", at = case(256), over = case(64), min = 0.9,
        max = 1.3 },
      { kind = "ratio", name = "messages, 256 over 16", measure = "nx.sent", at = case(256),
        over = case(16), min = 1, max = 2, doc = "a program's bytes lie in few domains" },
    },
  },
}
