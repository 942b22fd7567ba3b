-- The machine that disk-directed I/O was simulated on: 16 compute and 16 I/O nodes on a torus.
--
--   local kotz = include "machines/kotz.lua"
--   machine = kotz {}
--
-- Options: rows, columns, io_nodes, model ("ideal", "flit"), storage, os, graph, nodes, faults,
-- scale (of every software price).
--
-- Sources:
--   [Kotz]      D. Kotz, Disk-directed I/O for MIMD multiprocessors, OSDI 1994 (from memory): CPUs
--               of 50 MHz, 6 x 6 torus, 200 MB/s links, 20 ns a router, one HP 97560 on a bus of
--               10 MB/s at each I/O node, 8 KB blocks, a cache of two buffers for each
--               compute node and disk
--   ASSUMED     no source; the reason stands beside it

local us = include("parts/prices.lua").us

local known = {
  "columns", "dimension", "faults", "graph", "io_nodes", "libraries", "model", "nodes", "os",
  "rows", "scale", "storage"
}
return (include "parts/options.lua")("kotz", known, function(o)
  return {
    rows = o.rows or 6, columns = o.columns or 6, io_nodes = o.io_nodes or 16,
    network = {
      model = o.model or "ideal", torus = true, virtual_channels = 2,
      flit_bytes = 1, flit_time = "5ns", routing = "20ns", -- 200 MB/s, 20 ns a router [Kotz]
    },
    node = { coprocessor = false, upcall_cpu = "application", preempt = true },
    nic = {
      mtu = "9KiB", packet_bytes = "9KiB", -- ASSUMED(a block and its headers are one message)
      dma_rate = "200MB/s",                -- ASSUMED(DMA as fast as a link)
    },
    -- ASSUMED(a message-passing kernel as light as can be written, at 50 MHz: 100 instructions a
    -- message and side, 50 a look-up; a copy of two bytes a cycle)
    prices = {
      scale = o.scale,
      send = us(2), receive = us(2), frame_out = us(1), frame_in = us(1), trap = us(1),
      switch = us(2), layer = us(0.2), choice = us(0.08), match = us(0.2), lookup = us(1),
      timer = us(1), alloc = us(1), interrupt = us(2), rpc = us(4), file = us(10),
      block = us(1), io = us(5),
      copy = { rate = "100MB/s" }, checksum = { rate = "100MB/s" }, xor = { rate = "50MB/s" },
      copy_sum = { rate = "100MB/s" },
      flop = us(0.1), op = us(0.04),
    },
    -- On a bus of its own, 10 MB/s [Kotz].  His model of the drive is that of Ruemmler and Wilkes,
    -- which writes behind: while a write goes to the medium the next command and its data come.
    storage = o.storage or
              { kind = "disk", model = "HP 97560", cache = { report = param("report", "one") } },
    libraries = o.libraries, nodes = o.nodes, os = o.os, faults = o.faults,
    graph = o.graph or include("parts/graphs.lua").machine,
  }
end)
