-- Names of PFS in the service node's memory, or kept on the first I/O node: what a create costs,
-- and what is there when a node has crashed under the load.
--
--   psim run pfs_names -j2
--   psim run pfs_names -p machine.names=memory -p workload.crash=service -p at=40ms   -- are lost
--
-- Programs make empty files in one directory for all, look at them, list the directory and remove
-- them.  `crash`: while they make files the service node dies, or the I/O node that keeps the
-- names, and is back after 50 ms.  An operation that finds a server down is made again, so time is
-- all that may be lost: the list must have each name, once.  That a node is gone is noticed when it
-- is back, or after the failure detector's second.
local paragon = include "machines/paragon.lua"
local node = { none = false, service = "node 4", io = "node 5" }
local crash = param("workload.crash", "none", node)
local at = param("at", "300ms")

local function case(names, crash)
  return { ["machine.names"] = names, ["workload.crash"] = crash }
end

return {
  title = "Names of PFS that are kept",
  machine = paragon {
    rows = 4, columns = 6, io_nodes = 4, storage = { kind = "raid3" },
    names = param("machine.names", "kept"),
    faults = node[crash] and { { path = node[crash], at = at, after = "50ms" } },
  },
  workload = {
    kind = "metadata", nodes = param("workload.nodes", 16), directory = "shared",
    requests = 32, warmup = 0, retries = 100, retry_delay = "50ms",
  },
  sweep = {
    zip = {
      ["machine.names"] = { "memory", "kept", "kept", "kept" },
      ["workload.crash"] = { "none", "none", "service", "io" },
    },
  },
  measures = {
    "meta.creates", "meta.stats", "meta.removes", "meta.create.mean", "pfs_meta.records",
    "pfs_meta.lost",
  },
  expectations = {
    { kind = "ratio", name = "creates: kept over in memory", measure = "meta.creates",
      at = case("kept", "none"), over = case("memory", "none"), min = 0.005, max = 0.1,
      doc = "a write and a flush of the first I/O node for each round of the programs" },
    { kind = "ratio", name = "creates: with a crash of the service node", measure = "meta.creates",
      at = case("kept", "service"), over = case("kept", "none"), min = 0.5, max = 1 },
    { kind = "ratio", name = "creates: with one of the I/O node", measure = "meta.creates",
      at = case("kept", "io"), over = case("kept", "none"), min = 0.1, max = 1 },
  },
}
