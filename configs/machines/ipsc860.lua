-- The Intel iPSC/860: a binary hypercube of i860 XR nodes under NX 3.3.
--
--   local ipsc860 = include "machines/ipsc860.lua"
--   machine = ipsc860 { dimension = 7 }
--
-- Options: dimension (of the hypercube), model ("worm", "ideal", "flit"), scale, storage, io_nodes,
-- os, graph, faults.  machines/ipsc2.lua is the same with other numbers (path, setup_time,
-- byte_time, clock, flop).
--
-- Sources, by what they are called below:
--   [Bokhari]   S. Bokhari, Communication overhead on the Intel iPSC-860 hypercube, ICASE, 1990
--               (quoted from memory): up to 100 bytes 65 + 0.425 n + 10.0 h us, above
--               147 + 0.39 n + 30.5 h us; h channels beyond the first
--   [DD]        Dongarra and Dunigan, UT CS-95-299: 65 us, 3 MB/s, half of it at 340 B
--   [RNR]       RNR-94-016, NASA Ames: 40 MHz
--   ASSUMED     no source; the reason stands beside it
-- CALIBRATED: the prices and the interface's times are chosen so that messages of 0 B and of 1 kB
-- between neighbours take what [Bokhari] says, and `routing` is his time a channel.

local prices = include "parts/prices.lua"
local us, mb = prices.us, prices.mb

local known = {
  "byte_time", "clock", "columns", "dimension", "faults", "flop", "graph", "io_nodes",
  "libraries", "model", "nodes", "os", "path", "rows", "scale", "setup_time", "storage"
}
return (include "parts/options.lua")("ipsc860", known, function(o)
  local dimension = o.dimension or 4
  local path = o.path or 1       -- the software's time on a message's path, over the iPSC/860's
  local clock = o.clock or 1     -- of other software
  local rows = 1 << (dimension // 2)
  return {
    rows = rows, columns = (1 << dimension) // rows, io_nodes = o.io_nodes or 0,
    network = {
      model = o.model or "worm", dimension = dimension,
      flit_bytes = 1, flit_time = o.byte_time or "390ns",         -- 0.39 us a byte [Bokhari]
      routing = "9.9us", crossbar = "50ns", wire = "50ns",
                                     -- 10.0 us a channel [Bokhari]; ASSUMED(nearly all of it is the
                                     -- header's: the bytes behind it stream)
      injection_delay = "100ns", ejection_delay = "490ns",
    },
    node = {
      coprocessor = false,           -- one i860 XR at 40 MHz [RNR]
      upcall_cpu = "application", preempt = true,
    },
    nic = {
      mtu = "1MiB", packet_bytes = "1MiB", -- a message is one circuit, whatever its length
      header_flits = 8,              -- ASSUMED(no source)
      dma_rate = "1000GB/s",         -- ASSUMED(DMA keeps up with 2.8 MB/s)
      -- Above 100 bytes a message reserves room at its destination first [Bokhari]; 40 bytes are
      -- headers of the layers above.  The 30.5 us a channel are three trips over it.
      setup_above = "140B", setup_time = o.setup_time or "17.9us",
    },
    prices = {
      scale = o.scale,
      send = us(7 * path), receive = us(7 * path), frame_out = us(2 * path),
      frame_in = us(4 * path), switch = us(5 * path), layer = us(0.4 * path),
      choice = us(0.16 * path),      -- ASSUMED(two fifths of a layer, as on the Paragon)
      match = us(0.2 * path), trap = us(4 * path), cross = us(1 * path),
      copy = { rate = "30MB/s" },    -- ASSUMED(half of the Paragon's R1.4)
      copy_sum = { rate = "30MB/s" },  -- ASSUMED(as a copy: the sum hides behind it)
      checksum = { rate = "60MB/s" }, xor = { rate = "30MB/s" },
      -- ASSUMED(the Paragon's, at 40 MHz)
      lookup = us(1.25 * clock), timer = us(1.25 * clock), alloc = us(2.5 * clock),
      interrupt = us(2 * path), rpc = us(12 * clock), file = us(50 * clock),
      block = us(2.5 * clock), io = us(25 * clock), flop = us(o.flop or 0.125),
      op = us(0.05 * clock), fault = us(360 * clock), map = us(62 * clock),
      invalidate = us(62 * clock), twin = mb(54.6 / clock), diff = mb(17.3 / clock),
      diff_out = mb(36.4 / clock), diff_in = mb(15.3 / clock),
      pack = mb(40 / 13 / clock), unpack = mb(40 / 4 / clock),
    },
    storage = o.storage, libraries = o.libraries, nodes = o.nodes, os = o.os, faults = o.faults,
    graph = o.graph or include("parts/graphs.lua").machine,
  }
end)
