-- A Paragon of which one node, the gate, is on a second network, with hosts outside.
--
--   local gate = include "parts/paragon_gate.lua"
--   machine = gate { rows = 4, columns = 4, io_nodes = 4, hosts = 2, host = { node =, prices = },
--                    lan = { kind = "hippi", ... } }
--
-- Options: those of machines/paragon.lua but nodes, os, graph and model; rows, columns: of the
-- mesh; hosts (1); host: what they have of their own as a group of nodes; lan: their network, but
-- its nodes; gate, whose node is on it: "service" (default) or "io" (the last I/O node); resend of
-- messages over the network; outstanding: how many of BLAST's messages of several frames the gate
-- keeps, each for a second, where frames may be lost.
--
-- The hosts are the first compute nodes, ranks 0 and on, and no stations of the mesh; the others
-- are a Paragon whose I/O nodes stand in the last column.  A host sees the files of PFS as its own
-- (service file_client): its requests go as calls to the gate (file_server), whose stack of files
-- is the library of PFS on that node, and from there over the mesh to the I/O nodes.  Programs
-- exchange messages where one network has both; nobody forwards for them.
local paragon = include "machines/paragon.lua"

-- The node at each place of the mesh, row by row: I/O nodes in the middles of equal parts of the
-- last column, the service node in the column before, as a machine on one network places them.
local function stations(o, first, places)
  local rows, columns, io = o.rows, o.columns, o.io_nodes
  local node, taken = {}, {}
  for k = 0, io - 1 do
    taken[(2 * k + 1) * rows // (2 * io) * columns + columns - 1] = first + places - io + k
  end
  taken[columns - 2] = first + places - io - 1
  for place = 0, places - 1 do
    node[place + 1] = taken[place] or first
    first = first + (taken[place] and 0 or 1)
  end
  return node
end

return function(o)
  local hosts, gate = o.hosts or 1, o.gate or "service"
  local shape = { rows = o.rows or 4, columns = o.columns or 4, io_nodes = o.io_nodes or 4 }
  local places = shape.rows * shape.columns
  if gate ~= "service" and gate ~= "io" then
    error("gate '" .. tostring(gate) .. "' is not service or io", 3)
  end
  if shape.io_nodes < 1 or shape.io_nodes > shape.rows or shape.columns < 2 then
    error("the last of at least two columns has room for 1 to " .. shape.rows ..
          " I/O nodes, not " .. shape.io_nodes, 3)
  end
  local options = { rows = 1, columns = hosts + places, io_nodes = shape.io_nodes }
  for _, k in ipairs { "release", "messaging", "storage", "scale", "faults", "detector_delay" } do
    options[k] = o[k]
  end
  local machine = paragon(options)
  local outside = {}
  for k = 1, hosts do outside[k] = k - 1 end
  outside[hosts + 1] = hosts + places - (gate == "service" and shape.io_nodes + 1 or 1)
  machine.network = nil
  machine.networks = {
    mesh = { kind = "worm", rows = shape.rows, columns = shape.columns,
             nodes = stations(shape, hosts, places) },
    lan = o.lan,
  }
  machine.networks.lan.nodes = outside
  machine.nodes = {
    host = o.host or {},
    mpp = { last = places - shape.io_nodes - 1 },
    gate = { of = gate, last = 1, node = {} }, -- as others: for what results tell of a group
  }
  machine.nodes.host.first = hosts
  machine.graph = {
    { name = "mesh", protocol = "driver", interface = "mesh" },
    { name = "lan", protocol = "driver", interface = "lan" },
    { name = "both", protocol = "vipaddr", below = { "mesh", "lan" } },
    { name = "rdm", protocol = "rdm", below = { "both" }, resend = o.resend },
    { name = "nx", protocol = "nx", below = { "rdm" },
      offload = machine.node.upcall_cpu == "coprocessor" },
    { name = "blast", protocol = "blast", below = { "mesh" } },
    { name = "chan", protocol = "chan", below = { "blast" } },
    { name = "rpc", protocol = "select", below = { "chan" } },
    { name = "lan_blast", protocol = "blast", below = { "lan" },
      outstanding = o.outstanding },
    { name = "lan_chan", protocol = "chan", below = { "lan_blast" } },
    { name = "lan_rpc", protocol = "select", below = { "lan_chan" } },
  }
  machine.os = {
    { service = "nx" }, { service = "pfs_meta" }, { service = "pfs_server" },
    { service = "pfs_client", on = "mpp" }, { service = "pfs_client", on = "gate" },
    { service = "file_server", on = "gate", over = "lan_rpc",
      files = { { layer = "pfs", mode = "async" } } },
    { service = "file_client", on = "host", over = "lan_rpc",
      files = { { layer = "remote", group = "gate" } } },
  }
  return machine
end
