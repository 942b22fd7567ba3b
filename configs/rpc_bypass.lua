-- Calls that fit a frame pass by BLAST: VIPsize sends them straight to the driver.
--
--   psim run rpc_bypass
--
-- Programs make, look at and remove small files: all their calls but those with data are short.
-- A pass through VIPsize, which has no header, costs less than one through BLAST (prices.choice and
-- prices.layer), and BLAST's header stays off the wire.
--
-- One program is quicker by that.  Several that go in step are not to be compared by one run: the
-- time to look at a file takes one of two values by who comes first to the I/O node, and any price
-- decides that anew (with four, `-p machine.prices.layer.each=100ns` moves the stack without
-- VIPsize from 973 to 796 us).  With think times that are drawn (`-p workload.think=1ms
-- -p workload.think_law=exponential`) the two stacks scatter about one mean.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local graph = param("graph", "bypass", { "machine", "bypass" })

return {
  title = "Short calls past BLAST",
  doc = "Time of operations on small files, by whether short calls pass by BLAST.",
  machine = paragon {
    rows = 2, columns = 4, io_nodes = 1, storage = { kind = "raid3" }, graph = graphs[graph],
  },
  workload = {
    kind = "metadata", nodes = param("workload.nodes", 1), requests = 8, warmup = 0, bytes = "4KiB",
  },
  sweep = { product = { graph = { "machine", "bypass" } } },
  measures = {
    "meta.create.mean", "meta.stat.mean", "blast.short_sent", "blast.long_sent",
    "size.short_sent", "size.long_sent",
  },
}
