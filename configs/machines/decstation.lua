-- A cluster of DECstation 5000/200 on a local network of the time.
--
--   local decstation = include "machines/decstation.lua"
--   machine = decstation { nodes = 4, lan = "atm" }
--
-- Options: nodes, lan ("ethernet", "switched", "fddi", "atm", "hippi"), adapter (a table in place
-- of the network's own), scale (of every software price), graph, os, faults.  What else stands in
-- the table can be changed in the result: machine.networks.lan.  The numbers and their sources
-- stand in parts/decstation.lua; nothing is calibrated.
local decstation = include "parts/decstation.lua"

local known = {
  "adapter", "faults", "graph", "lan", "nodes", "os", "scale"
}
return (include "parts/options.lua")("decstation", known, function(o)
  local lan, own = decstation.chosen(o), decstation.group(o)
  return {
    rows = 1, columns = o.nodes or 2, service_node = false,
    networks = { lan = decstation.network(o) },
    node = own.node, prices = own.prices, os = o.os, faults = o.faults,
    graph = o.graph or {
      { name = "lan", protocol = "driver", interface = "lan" },
      -- A window of 64 KiB takes 54 ms at 10 Mb/s: nothing is sent again before.
      { name = "rdm", protocol = "rdm", below = { "lan" }, resend = "200ms", window = lan.window },
      { name = "nx", protocol = "nx", below = { "rdm" },
        grant = lan.window == "256KiB" and lan.window or nil },
    },
  }
end)
