-- How long a checkpoint takes: 16 ranks stop and write 4 MiB each, through PFS to 1 to 64 I/O
-- nodes, into each other's memory, as copies and as the parity of groups of eight, and into the
-- memory of the I/O nodes by memory servers.
--
--   psim figure ckpt_sinks
--
-- With policy `stop` a program stands still until all its pages are written: the longest stop is
-- the time of the checkpoint without its commit.  The disks limit; four times as many I/O nodes
-- take a third of the time, and half of it from 16 to 64, where each has one stripe unit of a file:
-- the inodes of the parts of files are more by then than the units.  Copies and parity need none.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local services = include "parts/services.lua"

local kinds = { pfs = "file", copies = "memory", parity = "memory", servers = "servers" }
local sink = param("sink", "pfs", { "pfs", "copies", "parity", "servers" })
local io_nodes = param("io_nodes", 16)

local function ratio(name, what, over, min, max, why)
  return { kind = "ratio", name = name, measure = "ckpt.stop.max", at = what, over = over,
           min = min, max = max, citation = why }
end

return {
  title = "Longest stop for a checkpoint, by sink and number of I/O nodes",
  doc = "16 ranks of 4 MiB stop and write.",
  machine = paragon {
    rows = 8, columns = 11, io_nodes = io_nodes, release = "R1.4", storage = { kind = "raid3" },
    graph = graphs.cuts,
    os = services.list(services.nx, services.pfs,
      -- two checkpoints of all ranks are 130 MiB, which one node would have to hold
      services.memory { on = "io", frames = 36000, disk_pages = 0 },
      services.checkpoints {
        interval = "1s", policy = "stop", sink = kinds[sink], servers = "io",
        group = sink == "parity" and 8 or 0,
      }),
  },
  workload = {
    kind = "job", program = "ring", nodes = 16, memory = "4MiB", dirty = 4, think = "10ms",
    meet = 10, steps = param("steps", 130),
  },
  sweep = {
    product = { sink = { "pfs", "copies", "parity", "servers" }, io_nodes = { 1, 4, 16, 64 } },
  },
  measures = { "ckpt.stop.max", "ckpt.page_bytes", "ckpt.committed", "job.time.max" },
  figure = { x = "io_nodes", y = "ckpt.stop.max", by = "sink", log = "xy",
             x_label = "I/O nodes", y_label = "longest stop" },
  expectations = {
    ratio("PFS: 1 I/O node over 4", { sink = "pfs", io_nodes = 1 }, { sink = "pfs", io_nodes = 4 },
          3, nil, "derived: data over the rate of the disks, which limit"),
    ratio("PFS: 4 I/O nodes over 16", { sink = "pfs", io_nodes = 4 },
          { sink = "pfs", io_nodes = 16 }, 2.5, nil,
          "derived: the same, but for the inodes, which are as many on each"),
    ratio("PFS: 16 I/O nodes over 64", { sink = "pfs", io_nodes = 16 },
          { sink = "pfs", io_nodes = 64 }, 1.5, 4,
          "derived: a unit and an inode of each file, where there were four units and an inode"),
    ratio("copies: 1 I/O node over 64", { sink = "copies", io_nodes = 1 },
          { sink = "copies", io_nodes = 64 }, 0.99, 1.01,
          "derived: no I/O node has any part in it"),
    ratio("parity over copies", { sink = "parity", io_nodes = 1 },
          { sink = "copies", io_nodes = 1 }, 1.5, 4,
          "derived: two sums of each byte beside the copy of it"),
    ratio("servers: 1 I/O node over 4", { sink = "servers", io_nodes = 1 },
          { sink = "servers", io_nodes = 4 }, 2, 4.1,
          "derived: one channel limits, then the ranks' processors"),
    ratio("PFS over servers, of 16", { sink = "pfs", io_nodes = 16 },
          { sink = "servers", io_nodes = 16 }, 1.5, nil, "derived: a disk's arm against a channel"),
    ratio("servers of 16 over copies", { sink = "servers", io_nodes = 16 },
          { sink = "copies", io_nodes = 16 }, 0.7, 2,
          "derived: the same bytes once over a channel, in calls of a page each"),
    ratio("PFS of 16 over copies", { sink = "pfs", io_nodes = 16 },
          { sink = "copies", io_nodes = 16 }, 1.5, nil, "derived: a disk's arm against a channel"),
  },
}
