-- What relaxing buys, pattern by pattern: home-based lazy release consistency against managers
-- under which a read returns the most recent write.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local pattern = param("pattern", "false_sharing")
local protocols = {
  fixed = { manager = "fixed" },
  dynamic = { manager = "dynamic" },
  hlrc = { manager = "hlrc" },
  hlrc_first = { manager = "hlrc", homes = "first_touch" },
}
local protocol = param("protocol", "hlrc", protocols)

-- y of a pattern under one protocol on `nodes`, divided by that under another, or on other nodes.
local function ratio(name, what, a, an, b, bn, min, max, measure)
  return {
    kind = "ratio", name = name, measure = measure,
    at = { pattern = what, protocol = a, ["workload.nodes"] = an },
    over = { pattern = what, protocol = b, ["workload.nodes"] = bn },
    min = min, max = max,
  }
end

return {
  title = "Shared virtual memory: strict and relaxed, sharing patterns",
  machine = paragon {
    rows = 8, columns = 8,
    release = param("release", "R1.4"),
    graph = graphs.svm,
  },
  workload = {
    kind = "svm_pattern", pattern = pattern, rounds = 20, pages = 8,
    nodes = param("workload.nodes", 8), svm = protocols[protocol],
  },
  sweep = {
    product = {
      pattern = { "false_sharing", "producer_consumer", "readers", "migratory", "lock" },
      protocol = { "fixed", "dynamic", "hlrc", "hlrc_first" },
      ["workload.nodes"] = { 1, 2, 4, 8, 16, 32, 64 },
    },
  },
  measures = { "svm.time.mean", "svm.read_faults.mean", "svm.write_faults.mean",
               "svm.messages.mean" },
  figure = {
    x = "workload.nodes", y = "svm.time.mean", by = "protocol",
    where = { pattern = "false_sharing" }, log = "xy",
    x_label = "nodes", y_label = "run time with false sharing",
    expectations = {
      -- Nobody reads what others write: one fault and one diff a node, however often it writes.
      -- Strict managers move the page for each write, one after another.
      ratio("false sharing, 64 nodes: fixed to hlrc", "false_sharing", "fixed", 64, "hlrc", 64, 10),
      ratio("false sharing, 64 nodes: dynamic to hlrc", "false_sharing", "dynamic", 64, "hlrc", 64,
            10),
      ratio("false sharing, fixed: time grows with the writers", "false_sharing", "fixed", 64,
            "fixed", 8, 5),
      ratio("false sharing, hlrc: it hardly does", "false_sharing", "hlrc", 64, "hlrc", 8, nil, 2),
      {
        -- The home of the one page asks nobody: (2 + 1)(N - 1) / N a node.
        kind = "value", name = "false sharing, 64 nodes: messages of a node under hlrc",
        measure = "svm.messages.mean",
        at = { pattern = "false_sharing", protocol = "hlrc", ["workload.nodes"] = 64 },
        equals = 3 * 63 / 64, within = 1e-6,
      },
      -- One writer after another: the page has to move in any case, and a twin and a diff replace
      -- the second fault's messages.
      {
        kind = "value", name = "migratory, 64 nodes: messages of a node under hlrc",
        measure = "svm.messages.mean",
        at = { pattern = "migratory", protocol = "hlrc", ["workload.nodes"] = 64 },
        equals = 3 * 8 * 20 * 63 / 64, within = 1e-6,
      },
      ratio("migratory, 64 nodes: messages, hlrc to dynamic", "migratory", "hlrc", 64, "dynamic",
            64, nil, 0.75, "svm.messages.mean"),
      ratio("migratory, 64 nodes: little is to be won", "migratory", "hlrc", 64, "dynamic", 64, 0.8,
            1.5),
      -- One writes, another reads: fetched once a round in any case.
      ratio("producer and consumer, 8 nodes: little difference", "producer_consumer", "hlrc_first",
            8, "dynamic", 8, 0.8, 1.25),
      ratio("one writer, all read, 16 nodes: little difference", "readers", "hlrc", 16, "dynamic",
            16, 0.8, 1.25),
      -- With one reader after another at the writer, a home elsewhere shares the work of answering.
      ratio("one writer, all read, 64 nodes: homes spread the answers", "readers", "hlrc", 64,
            "hlrc_first", 64, nil, 0.9),
    },
  },
}
