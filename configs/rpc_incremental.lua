-- What a call takes for each KiB more: layered RPC over VIP on a pair of Sun-3/75.
--
--   psim figure rpc_incremental
--
-- Up to a frame sender, cable and receiver work one after another; with more frames side by side,
-- and the receiver limits.
local sun3 = include "machines/sun3.lua"
local graphs = include "parts/graphs.lua"
local stack = param("stack", "layered", { "monolithic", "layered" })

return {
  title = "RPC by length",
  doc = "Time of a call against its length.",
  machine = sun3 { graph = graphs.calls(stack, "vip") },
  workload = { kind = "calls", size = param("workload.size", "0B") },
  sweep = { product = {
    stack = { "monolithic", "layered" },
    ["workload.size"] = { "0B", "1KiB", "2KiB", "4KiB", "6KiB", "8KiB", "10KiB", "12KiB", "14KiB",
                          "16KiB" },
  } },
  measures = { "calls.time.mean", "calls.throughput.mean" },
  figure = {
    x = "workload.size", y = "calls.time.mean", by = "stack", x_label = "bytes of a call",
    y_label = "time of a call",
    expectations = {
      { kind = "linear", of = { stack = "layered" }, name = "1.04 ms a KiB",
        ["until"] = "16KiB", slope = 1.04e-3 / 1024, within = 0.1,
        citation = "Hutchinson and Peterson, IEEE TSE 17(1), 1991 (from memory)",
        calibrated = true },
      { kind = "monotone", of = { stack = "layered" }, direction = "rising",
        citation = "derived: more bytes" },
    },
  },
}
