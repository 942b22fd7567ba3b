-- Shared memory that exceeds a node's memory: owned pages go to the I/O node's disk, to a memory
-- server, or to memory that all nodes lend.  One frame is 4 KiB; 2 x 40^3 points are 250 pages.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local services = include "parts/services.lua"

local backing = param("backing", "io")
local servers = {
  io = services.memory { frames = 0 },                 -- I/O nodes keep pages on their disks alone
  servers = services.list(services.memory { on = "memory", frames = 4096 }, services.pfs),
  lent = services.list(services.lent(256), services.pfs),
}

return {
  title = "Shared virtual memory with few frames: paging to disk, to a server, to idle memory",
  machine = paragon {
    rows = 3, columns = 3, io_nodes = 1,
    release = param("release", "R1.4"),
    storage = { kind = "raid3" },
    nodes = { memory = { last = 1 } }, os = servers[backing],
    graph = graphs.svm_paging,
  },
  workload = {
    kind = "svm_pde", n = 40, iterations = 4, nodes = param("workload.nodes", 1),
    memory = { frames = param("frames", 160), replacement = "lru" },
    paging = { backing = backing },
  },
  sweep = {
    product = {
      backing = { "io", "servers", "lent" },
      ["workload.nodes"] = { 1, 2, 4 },
    },
  },
  measures = { "svm.time", "svm.page_outs", "svm.page_ins", "svm.disk_transfers" },
}
