-- The Intel Paragon XP/S: nodes, mesh, and the operating system's release as a knob.
--
--   local paragon = include "machines/paragon.lua"
--   machine = paragon { rows = 4, columns = 4, io_nodes = 0, release = "R1.4" }
--
-- Options: rows, columns, io_nodes, release ("early", "R1.2", "R1.4", "SUNMOS-1.6"), model (the
-- network's fidelity: "worm", "ideal", "flit"), messaging ("kernel", "application"), storage,
-- libraries, os, graph, transport ("rdm", or "ulp" or "tcp" in the place of RDM and BLAST),
-- faults, detector_delay, scale (of every software price), names (of PFS: "memory", as the default,
-- is lost when the service node crashes; "kept": on the first I/O node).
-- What else stands in the table can be changed in the result.
--
-- Sources, by what they are called below:
--   [node4]     netlib, TOP500 report 1995, architecture of the Paragon, node 4
--   [RNR]       RNR-94-016, NASA Ames: 100 us and 30-35 MB/s with early OSF/1; 200 MB/s advertised
--   [SUNMOS]    collected SUNMOS papers: OSF/1 R1.2 42 us and 65 MB/s
--   [DD]        Dongarra and Dunigan, UT CS-95-299: R1.4 29 us, 154 MB/s; SUNMOS 25 us, 171 MB/s
--   [Zhou96]    Zhou, Iftode and Li, OSDI 1996, table of Paragon primitives
--   ASSUMED     no source; the reason stands beside it
-- The price lists are CALIBRATED: what a release charges for each step is chosen so that the
-- message time at 0 B and at 1 MB comes out as published.  These two numbers of each release are
-- therefore inputs; the length at half of the asymptotic rate, and everything else, is an output.

-- Prices per release, in us an occurrence and MB/s; the CPU that runs arrivals; whether sends are
-- handed to the message coprocessor.
local releases = {}

-- Early OSF/1 (1993-94): no message coprocessor in use.  frame_in holds the interrupt; the CPU
-- feeds the interface itself [RNR for the sums; ASSUMED(the split between the steps)].
releases["early"] = {
  upcall_cpu = "application", offload = false,
  send = 22, receive = 20, frame_out = 8, frame_in = 24, frame_bytes = 56,
  trap = 8, switch = 20, cross = 2, layer = 1, match = 1, copy = 40,
}
-- R1.2: shorter paths, still the application CPU [SUNMOS for the sums; ASSUMED(the split)].
releases["R1.2"] = {
  upcall_cpu = "application", offload = false,
  send = 10, receive = 8, frame_out = 4, frame_in = 8, frame_bytes = 95,
  trap = 4, switch = 8, cross = 1, layer = 0.5, match = 0.5, copy = 60,
}
-- R1.4: the message coprocessor sends, receives and matches [DD for the sums; ASSUMED(the split)].
releases["R1.4"] = {
  upcall_cpu = "coprocessor", offload = true,
  send = 6, receive = 7, frame_out = 2, frame_in = 3, frame_bytes = 222,
  trap = 2, switch = 8, cross = 0.5, layer = 0.4, match = 0.2, copy = 60,
}
-- SUNMOS 1.6: a light kernel; DMA moves the data [DD for the sums; ASSUMED(the split)].
releases["SUNMOS-1.6"] = {
  upcall_cpu = "coprocessor", offload = true,
  send = 6, receive = 6, frame_out = 1, frame_in = 2, frame_bytes = 0,
  trap = 2, switch = 8, cross = 0.5, layer = 0.3, match = 0.2, copy = 60,
}

local prices = include "parts/prices.lua"
local us, mb = prices.us, prices.mb

-- ASSUMED(what does not lie on the path of a message is priced alike in all releases, from the
-- i860's 50 MHz: a lookup 50 instructions, a block of memory 100, and so on).
local function prices(r, scale)
  return {
    scale = scale,
    send = us(r.send), receive = us(r.receive), frame_out = us(r.frame_out),
    frame_in = us(r.frame_in), frame_bytes = mb(r.frame_bytes), trap = us(r.trap),
    switch = us(r.switch), cross = us(r.cross), layer = us(r.layer), match = us(r.match),
    copy = mb(r.copy), checksum = mb(80), xor = mb(40),
    copy_sum = mb(r.copy),  -- ASSUMED(a sum in the copy loop hides behind its memory accesses)
    lookup = us(1), timer = us(1), alloc = us(2), interrupt = us(6),
    rpc = us(10), file = us(40), block = us(2), io = us(20),
    -- ASSUMED(two fifths of a layer: it compares and calls, and makes or reads no header)
    choice = us(0.4 * r.layer),
    call = us(0.4),  -- ASSUMED(20 instructions: a call through a table, its frame, its return)
    -- Programs and memory management, for every release.
    flop = { each = "100ns" },  -- ASSUMED(compiled code at 10 Mflop/s; the peak is 75 [node4])
    op = { each = "40ns" },     -- ASSUMED(two clocks of 50 MHz)
    -- Page fault 290 us [Zhou96, memory]; ASSUMED(half more with the early releases).
    fault = us(290 * (r.upcall_cpu == "coprocessor" and 1 or 1.5)),
    map = us(50),               -- page protect 50 us [Zhou96, memory]
    -- ASSUMED(as a change of protection; a user's library that asks the kernel takes 200 us
    -- [Zhou96, memory], which -p machine.prices.invalidate.each=200us tries).
    invalidate = us(50),
    -- Twins and diffs by the byte, from the times of a page of 8 KiB [Zhou96, memory; its page size
    -- low]: twin 120 us; a diff of nothing 380 us, of the whole page 560; to apply one 0 to 430.
    twin = mb(68.3), diff = mb(21.6), diff_out = mb(45.5), diff_in = mb(19.1),
    -- LZRW1: 13 instructions for a byte, 4 to expand it [Williams, DCC 1991]; ASSUMED(one a clock).
    pack = mb(50 / 13), unpack = mb(50 / 4),
  }
end

local graphs = include "parts/graphs.lua"
local services = include "parts/services.lua"

local known = {
  "columns", "detector_delay", "dimension", "faults", "graph", "io_nodes", "libraries",
  "messaging", "model", "names", "nodes", "os", "release", "rows", "scale", "storage",
  "transport"
}
return (include "parts/options.lua")("paragon", known, function(o)
  if o.names ~= nil and o.names ~= "memory" and o.names ~= "kept" then
    error("names '" .. tostring(o.names) .. "' is not memory or kept", 2)
  end
  local release = o.release or "R1.4"
  local r = releases[release]
  if not r then
    error("release '" .. tostring(release) .. "' is not early, R1.2, R1.4 or SUNMOS-1.6", 2)
  end
  return {
    rows = o.rows or 4, columns = o.columns or 4, io_nodes = o.io_nodes or 0,
    network = { model = o.model or "worm" },
    node = {
      coprocessor = true,          -- GP node: two i860 XP at 50 MHz [node4]
      upcall_cpu = r.upcall_cpu,
      preempt = true,              -- ASSUMED(interrupts are enabled while programs run)
      byte_order = "little",       -- of the i860 under OSF/1 [memory, medium]; what swapping
                                   -- takes is inside the calibrated sums: `swap` has no price
    },
    nic = {
      mtu = "2088B",               -- ASSUMED(2 KiB of data and the headers of two layers); n_half
                                   -- follows it: 7.0 kB for R1.4, with 4 KiB of data 11 kB
      packet_bytes = "2088B",      -- ASSUMED(one packet a frame: half the worms of two)
      header_flits = 126,          -- ASSUMED(so that 175 MB/s of 200 are data, as sold [node4])
      -- The memory bus has 64 bits at 50 MHz [node4].  Where the CPU moves the bytes
      -- (frame_bytes), there is no DMA beside it.
      dma_rate = r.frame_bytes > 0 and "1000GB/s" or "400MB/s",
    },
    prices = prices(r, o.scale),
    storage = o.storage, libraries = o.libraries, nodes = o.nodes, faults = o.faults,
    detector_delay = o.detector_delay,
    os = o.names == "kept" and services.kept(o.os) or o.os,
    graph = o.graph or graphs.over(o.transport or "rdm", {
      { name = "mesh", protocol = "driver" },
      { name = "rdm", protocol = "rdm", below = { "mesh" } },
      { name = "nx", protocol = "nx", below = { "rdm" }, offload = r.offload,
        domain = o.messaging },    -- "kernel" (default) or "application": a crossing a message
      { name = "blast", protocol = "blast", below = { "mesh" } },
      { name = "chan", protocol = "chan", below = { "blast" } },
      { name = "rpc", protocol = "select", below = { "chan" } },
    }),
  }
end)
