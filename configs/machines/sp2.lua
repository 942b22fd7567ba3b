-- The IBM SP-2: POWER2 nodes under AIX at a switch of chips with central queues.
--
--   local sp2 = include "machines/sp2.lua"
--   machine = sp2 { rows = 4, columns = 5, io_nodes = 4 }
--
-- Options: rows, columns (their product: stations of the switch, 2 to 512), io_nodes, routes
-- ("round_robin", "random", "fixed"), scale, storage (of an I/O node), libraries, nodes, os, graph,
-- faults, detector_delay; and those by which machines/sp1.lua differs: path (of software on a
-- message's way), clock (of other software), mtu (bytes), adapter, flop.
-- Names of the network's parts begin with "switch."; the graph's driver is "mesh" as elsewhere.
--
-- Sources, by what they are called below:
--   [switch]    docs/models/sp.md: chips of 8 ports, 40 MB/s each way, packets of 255 bytes
--   [DD]        Dongarra and Dunigan, UT CS-95-299: MPI, 35 us, 35 MB/s, half of it at 3263 B
--   [9077]      IBM's manual of the SP Switch Router (9077), 2.1.1: a node's Micro Channel delivers
--               65 MB/s to the switch in a wide node, some 30 in a thin one
--   [memory]    POWER2 at 66 MHz; the adapter has an i860, and DMA (medium confidence)
--   ASSUMED     no source; the reason stands beside it
-- CALIBRATED: what software charges on a message's way, so that messages of 0 B and of 1 MB take
-- what [DD] says.  The length at half of the rate is an output; it follows the frame size.

local prices = include "parts/prices.lua"
local us, mb = prices.us, prices.mb

local known = {
  "adapter", "clock", "columns", "detector_delay", "dimension", "faults", "flop", "graph",
  "io_nodes", "libraries", "mtu", "nodes", "os", "path", "routes", "rows", "scale", "storage"
}
return (include "parts/options.lua")("sp2", known, function(o)
  local path, clock = o.path or 1, o.clock or 1
  local nic = include("parts/frames.lua").nic("sp", o.mtu) -- packets [switch]
  nic.dma_rate = not o.adapter and "65MB/s" or nil     -- [9077]
  return {
    rows = o.rows or 4, columns = o.columns or 4, io_nodes = o.io_nodes or 0,
    networks = {
      switch = {
        kind = "sp", routes = o.routes, adapter = o.adapter,
        nic = nic,
      },
    },
    node = { coprocessor = false, upcall_cpu = "application", preempt = true }, -- one POWER2
    prices = {
      scale = o.scale,
      send = us(10.2 * path), receive = us(9.7 * path), frame_out = us(2.4), frame_in = us(3.3),
      switch = us(5 * path), layer = us(0.3 * path),
      choice = us(0.12 * path),  -- ASSUMED(two fifths of a layer, as on the Paragon)
      match = us(0.2 * path), trap = us(2 * path),
      cross = us(0.5 * path), interrupt = us(2 * path),
      -- ASSUMED(between memory and the adapter's buffers at the rate of a copy).
      frame_bytes = not o.adapter and mb(110) or nil, copy = mb(110 / clock),
      copy_sum = mb(110 / clock),    -- ASSUMED(as a copy: the sum hides behind it)
      checksum = mb(160 / clock), xor = mb(80 / clock), -- ASSUMED(the Paragon's, twice as fast)
      -- ASSUMED(the Paragon's, twice as fast: 66 MHz, and two instructions a clock)
      lookup = us(0.5 * clock), timer = us(0.5 * clock), alloc = us(clock), rpc = us(5 * clock),
      file = us(20 * clock), block = us(clock), io = us(10 * clock), call = us(0.2 * clock),
      fault = us(145 * clock), map = us(25 * clock), invalidate = us(25 * clock),
      op = us(0.015 * clock), twin = mb(136 / clock), diff = mb(43 / clock),
      diff_out = mb(91 / clock), diff_in = mb(38 / clock), pack = mb(100 / 13 / clock),
      unpack = mb(100 / 4 / clock),
      flop = us(o.flop or 0.02),     -- ASSUMED(compiled code at 50 Mflop/s)
    },
    -- ASSUMED(makes of drives are not known: a SCSI-2 drive of 2 GB and 6400 turns a minute).
    storage = o.storage or (o.io_nodes or 0) > 0 and include "disks/hp_c2490a.lua" or nil,
    libraries = o.libraries, nodes = o.nodes, os = o.os, faults = o.faults,
    detector_delay = o.detector_delay,
    graph = o.graph or include("parts/graphs.lua").machine,
  }
end)
