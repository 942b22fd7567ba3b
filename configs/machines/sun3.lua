-- A pair of Sun-3/75 on an Ethernet of their own: what the x-kernel's papers measured on.
--
--   local sun3 = include "machines/sun3.lua"
--   machine = sun3 { graph = graph }
--
-- Options: nodes, graph, scale (of every software price), prices (some, in place of these), os,
-- faults.  The interface's frames hold their Ethernet header: graphs begin with protocol "eth".
--
-- Sources, by what they are called below:
--   [HP91]    Hutchinson and Peterson, IEEE TSE 17(1), 1991, and O'Malley and Peterson, TOCS 10(2),
--             1992 (times quoted from memory, medium: configs/rpc_layers.lua)
--   ASSUMED   no source; the reason stands beside it
-- CALIBRATED, and so inputs: `switch` for the null call of M.RPC over ETH (1.73 ms), `layer` for
-- what L.RPC takes more than M.RPC over VIP (0.14 ms), `frame_bytes` for the throughput of M.RPC
-- over ETH (863 KB/s), the fixed part of `checksum` for what IP takes more than VIP (0.31 ms): IP's
-- other work is in it.  Everything else is an output.
local prices = include "parts/prices.lua"
local us, mb = prices.us, prices.mb

local known = {
  "faults", "graph", "nodes", "os", "prices", "scale"
}
return (include "parts/options.lua")("sun3", known, function(o)
  local list = {
    scale = o.scale,
    -- A 68020 of 16.67 MHz, some two million instructions a second; ASSUMED(with that: 400 to give
    -- a frame to the interface, 500 to take one, 200 of an interrupt, 100 of dispatch, 30 of a
    -- timer, 20 of a look-up, 40 of a block of memory, and so on).
    frame_out = us(200), frame_in = us(250), interrupt = us(100), rpc = us(50), timer = us(15),
    lookup = us(10), alloc = us(20), trap = us(50), cross = us(100), match = us(5),
    copy = mb(4), copy_sum = mb(2), xor = mb(2),
    switch = us(445), layer = us(10.8), frame_bytes = mb(1.4),   -- CALIBRATED
    checksum = { fixed = "36us", rate = "2MB/s" },               -- CALIBRATED: the fixed part
    choice = us(4.3), -- ASSUMED(two fifths of a layer, as in paragon.lua)
  }
  for name, price in pairs(o.prices or {}) do list[name] = price end
  return {
    rows = 1, columns = o.nodes or 2, service_node = false,
    networks = {
      lan = {
        kind = "ethernet",
        nic = { mtu = "1514B", packet_bytes = "1514B", header_flits = 4 }, -- check sequence [802.3]
      },
    },
    node = { coprocessor = false, upcall_cpu = "application", preempt = true },
    prices = list, os = o.os, faults = o.faults, graph = o.graph,
  }
end)
