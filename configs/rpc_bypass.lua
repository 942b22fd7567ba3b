-- Calls that fit a frame pass by BLAST: VIPsize sends them straight to the driver.
--
--   psim run rpc_bypass
--
-- Programs make, look at and remove small files: all their calls but those with data are short.
-- A pass through VIPsize is priced as one through any layer, so what a short call saves here is
-- BLAST's header on the wire, twice; the prices tell no cheap layer from a dear one.
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
