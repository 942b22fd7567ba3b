-- Messages of programs over a network that loses, doubles, delays and reorders them: RDM numbers
-- them, acknowledges, and sends again what was lost; NX above it is the same as over the mesh.
-- The content of every message is checked.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local faults = param("faults", 0.05)

return {
  title = "Message passing over a lossy network",
  doc = "Round trip of a message, by how much of the traffic is lost, doubled and delayed.",
  machine = paragon {
    rows = 2, columns = 4,
    graph = graphs.lossy(faults, { "nx" }),
  },
  workload = { kind = "pingpong", size = param("workload.size", "1kB"), partner = 7, rounds = 50 },
  sweep = {
    product = { ["workload.size"] = { "1kB", "100kB" }, faults = { 0.0, 0.05, 0.2 } },
  },
  measures = {
    "one_way.mean", "rdm.resent", "rdm.duplicates", "rdm.early", "rdm.acks", "vdrop.dropped",
  },
}
