-- The Intel Touchstone Delta: a 2-D mesh of i860 XR nodes under NX 3.3, the Paragon's forerunner.
--
--   local delta = include "machines/delta.lua"
--   machine = delta { rows = 16, columns = 33 }
--
-- Options: rows, columns, model ("worm", "ideal", "flit"), scale, io_nodes, storage, os, graph,
-- faults.  The Caltech machine had 512 compute nodes and 32 I/O nodes.
--
-- Sources, by what they are called below:
--   [foils]     Caltech foils on the Delta: mesh routing chips of 5 channels, 28 MB/s between nodes
--   [DD]        Dongarra and Dunigan, UT CS-95-299: 77 us, 8 MB/s, half of it at 900 B; 22 MB/s is
--               the most that they count with
--   [Bordawekar] Bordawekar, del Rosario and Choudhary on the Delta's file system: 512 + 32 nodes
--   [RNR]       RNR-94-016, NASA Ames: i860 XR, 40 MHz
--   ASSUMED     no source; the reason stands beside it
-- CALIBRATED: the prices, so that messages of 0 B and of 1 MB take what [DD] says; the length at
-- half of the rate is an output.

local prices = include "parts/prices.lua"
local us, mb = prices.us, prices.mb

local known = {
  "columns", "dimension", "faults", "graph", "io_nodes", "libraries", "model", "nodes", "os",
  "rows", "scale", "storage"
}
return (include "parts/options.lua")("delta", known, function(o)
  return {
    rows = o.rows or 4, columns = o.columns or 4, io_nodes = o.io_nodes or 0,
    network = {
      model = o.model or "worm",
      flit_bytes = 1, flit_time = "36ns",            -- 28 MB/s [foils]; ASSUMED(8-bit channels)
      routing = "40ns", crossbar = "20ns", wire = "20ns", -- ASSUMED(twice the Paragon's 40 ns)
      injection_delay = "20ns", ejection_delay = "56ns",
    },
    node = { coprocessor = false, upcall_cpu = "application", preempt = true }, -- one i860 XR [RNR]
    nic = {
      mtu = "552B", packet_bytes = "552B",           -- ASSUMED(512 B of data and headers)
      header_flits = 8,                              -- ASSUMED(no source)
      dma_rate = "1000GB/s",                         -- the CPU moves the bytes: frame_bytes
    },
    prices = {
      scale = o.scale,
      send = us(22), receive = us(22), frame_out = us(4), frame_in = us(6),
      frame_bytes = { rate = "11.25MB/s" },          -- CALIBRATED: 8 MB/s with the rest [DD]
      switch = us(12.5), layer = us(0.5), match = us(0.25), trap = us(4), cross = us(1),
      interrupt = us(2), copy = { rate = "30MB/s" }, checksum = { rate = "60MB/s" },
      copy_sum = { rate = "30MB/s" },  -- ASSUMED(as a copy: the sum hides behind it)
      xor = { rate = "30MB/s" },
      choice = us(0.2),  -- ASSUMED(two fifths of a layer, as on the Paragon)
      -- ASSUMED(the Paragon's, at 40 MHz)
      lookup = us(1.25), timer = us(1.25), alloc = us(2.5), rpc = us(12), file = us(50),
      block = us(2.5), io = us(25), flop = us(0.125), op = us(0.05), fault = us(360), map = us(62),
      invalidate = us(62), twin = mb(54.6), diff = mb(17.3),
      diff_out = mb(36.4), diff_in = mb(15.3), pack = mb(40 / 13), unpack = mb(40 / 4),
    },
    storage = o.storage, libraries = o.libraries, nodes = o.nodes, os = o.os, faults = o.faults,
    graph = o.graph or include("parts/graphs.lua").machine,
  }
end)
