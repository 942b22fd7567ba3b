-- The time of a checkpoint, from the leader's request until it is committed, against nodes, by the
-- algorithm of its cut: sync and stop, Chandy and Lamport's markers, a sweep of the network.
--
--   psim figure ckpt_time
--
-- sink = file: ranks of 256 KiB through PFS to two I/O nodes, whose disks limit.  The three take
-- the same time, as ickp found.  sink = memory: a page of 4 KiB into the memory of a neighbour:
-- what is left is the agreement.  With 16 nodes `cl` is the fastest, for its markers go to all at
-- once, and `ns` the slowest, for its sweep goes from node to node; with 256 they are 65,280
-- markers, and the order is the other one.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local services = include "parts/services.lua"

local algorithm, sink = param("algorithm", "sns"), param("sink", "file")
local nodes = param("nodes", 16)
local disks = sink == "file"

local side = 1
while side * side < nodes do side = 2 * side end

local expectations = {}
local function ratio(what, n, a, b, min, max, why)
  expectations[#expectations + 1] = {
    kind = "ratio", name = what .. ", " .. n .. " nodes: " .. a .. " over " .. b,
    measure = "ckpt.time.mean", at = { sink = what, nodes = n, algorithm = a },
    over = { sink = what, nodes = n, algorithm = b }, min = min, max = max, citation = why,
  }
end
for _, n in ipairs { 4, 16, 64 } do
  for _, a in ipairs { "cl", "ns" } do
    ratio("file", n, a, "sns", 0.9, 1.1,
          "ickp: all three cost about the same, for the writing dominates")
  end
end
ratio("memory", 256, "cl", "sns", 1.1, nil, "derived: N(N-1) markers against 5(N-1) messages")
ratio("memory", 256, "cl", "ns", 1.1, nil, "derived: N(N-1) markers against about 4N")

return {
  title = "Time of a checkpoint against nodes, by algorithm",
  doc = "Ranks that stop and are saved, through PFS and into the memory of neighbours.",
  machine = paragon {
    rows = side, columns = math.max(nodes // side, 1) + 2, io_nodes = 2, release = "R1.4",
    storage = { kind = "raid3" }, graph = graphs.cuts,
    os = services.list(services.nx, services.pfs, services.checkpoints {
      interval = disks and "2s" or "20ms", policy = "stop", sink = sink, algorithm = algorithm,
    }),
  },
  -- One checkpoint to the disks, the first of some in memory: steps go on until it is committed.
  workload = {
    kind = "job", program = "ring", nodes = nodes, memory = disks and "256KiB" or "4KiB",
    dirty = 1, bytes = "256B", meet = 10, think = disks and "5ms" or "100us",
    steps = disks and 600 + 12 * nodes or 350,
  },
  sweep = {
    product = { sink = { "file", "memory" }, algorithm = { "sns", "cl", "ns" },
                nodes = { 4, 16, 64, 256 } },
    constraint = function(p) return p.sink == "memory" or p.nodes <= 64 end,
  },
  measures = { "ckpt.time.mean", "ckpt.stop.max", "ckpt.saves", "ckpt.page_bytes",
               "job.time.max" },
  figure = { x = "nodes", y = "ckpt.time.mean", by = { "sink", "algorithm" }, log = "xy",
             x_label = "nodes", y_label = "time of a checkpoint" },
  expectations = expectations,
}
