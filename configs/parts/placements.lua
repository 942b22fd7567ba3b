-- TCP and UDP in the kernel, in a server, or in the library of a program, on two DECstations
-- 5000/200 of Mach 3.0: graphs, domains and prices.
--
--   local placements = include "parts/placements.lua"
--   machine = placements.machine { placement = "library_ring", protocol = "tcp" }
--   machine = placements.lent { protocol = "udp", sockets = true }    -- by a server to the library
--
-- Placements: "kernel"; "library" and "server" with how packets get there: "_ipc", "_ring",
-- "_ring_driver" (docs/models/filter.md).  Options: placement, protocol ("tcp" with sock for
-- programs, "udp" with user, or with sock: `sockets`), network ("ethernet", "fddi", "atm",
-- "hippi"), slots (of what waits for the library or the server; 0: as many as the kind of delivery
-- has).
--
-- Sources, by what they are called below:
--   [MB93]    Maeda and Bershad, SOSP 1993: times of DECstations 5000/200 on an Ethernet
--   ASSUMED   no source; the reason stands beside it
-- CALIBRATED, and so inputs: `layer` for the round trip of a small UDP message by a library whose
-- ring the driver fills (1.23 ms [MB93, abstract]): what 4.3BSD's code takes for one layer of a
-- packet; `rpc`, what the UX server takes for a call beside copies and switches (stubs, locks,
-- names), between two numbers of [MB93, from memory]: for 3.6 to 4.0 ms of that round trip by a
-- server it were 550 to 650 us, for 740 KB/s of a stream 950 us.  All else is the DECstation's
-- (parts/decstation.lua), and an output what comes of it.
local decstation = include "machines/decstation.lua"
local internet = include "parts/internet.lua"
local us = include("parts/prices.lua").us

local names = { "kernel", "library_ipc", "library_ring", "library_ring_driver", "server_ipc",
                "server_ring", "server_ring_driver" }
local networks = { "ethernet", "fddi", "atm", "hippi" }

-- What a socket has for data [4.3BSD: 24 KiB at most of programs of the time, ASSUMED]; ASSUMED(on
-- others five frames and more; of ATM what its FIFO of 292 cells holds).
local windows = { ethernet = "24KiB", fddi = "48KiB", atm = "12KiB", hippi = "256KiB" }

local prices = {
  layer = us(80.7), rpc = us(750),                        -- CALIBRATED
  -- ASSUMED(25 instructions to take a key out of a header; 15 to interpret one of a filter's)
  filter = us(1), filter_step = us(0.6),
}

-- Domains of a placement: of the program, of the protocols; and how packets get there.
local function of(placement)
  local where, delivery = placement:match("^(%a+)_?(.*)$")
  return where, delivery ~= "" and delivery or nil
end

local function graph(o)
  local where, delivery = of(o.placement)
  local own = where == "library" and "app" or where == "server" and "server" or nil
  local slots = delivery and (o.slots or 0) > 0 and o.slots or nil
  local list = {
    { name = "eth", protocol = "eth", interface = "lan" },
    { name = "arp", protocol = "arp", below = { "eth" } },
    { name = "filter", protocol = "filter", below = { "arp" },
      delivery = slots and { policy = delivery, slots = slots } or delivery },
    { name = "ip", protocol = "ip", below = { "filter" },
      domain = where == "server" and own or nil },
  }
  local function add(instance) list[#list + 1] = instance end
  local below = "ip"
  if where == "library" then -- the kernel's has what nobody else takes
    below = "ip_lib"
    add { name = "ip_lib", protocol = "ip", below = { "filter" }, domain = own,
          filter = o.protocol }
  end
  if o.protocol == "udp" and o.sockets then
    add { name = "udp", protocol = "udp", below = { below }, domain = own }
    add { name = "sock", protocol = "sock", below = { "udp" },
          domain = where ~= "kernel" and "app" or nil }
  elseif o.protocol == "tcp" then
    local window = windows[o.network or "ethernet"]
    add { name = "tcp", protocol = "tcp", below = { below }, domain = own,
          receive_buffer = window, send_buffer = window, initial_window = 2 }
    add { name = "sock", protocol = "sock", below = { "tcp" }, piece = "4KiB", -- ASSUMED(a page)
          domain = where ~= "kernel" and "app" or nil }
  else
    add { name = "udp", protocol = "udp", below = { below }, domain = own }
    add { name = "user", protocol = "user", below = { "udp" }, domain = "app", serve = true,
          echo = true }
  end
  return list
end

-- A program asks the kernel by traps, and a server by its messages.
local function domains(o)
  local where = of(o.placement)
  local rows = { server = where == "server" and {} or nil }
  if where ~= "kernel" or (o.protocol == "udp" and not o.sockets) then
    rows.app = { transfer = where == "kernel" and "trap" or "ipc" }
  end
  return next(rows) and rows or nil
end

local function machine(o)
  local network = o.network or "ethernet"
  local m = decstation { lan = network, graph = graph(o) }
  local lan, mtu = m.networks.lan, internet.kinds[network].mtu
  if network == "atm" then mtu = 4096 end                 -- the FIFO's, as in parts/decstation.lua
  lan.nic.mtu, lan.nic.packet_bytes = mtu + 14 .. "B", mtu + 14 .. "B"
  lan.nic.header_flits = internet.kinds[network].flits
  if network == "ethernet" then
    lan.own_gap = "20us" -- ASSUMED(LANCE reads a descriptor and the first bytes between two frames)
  end
  m.domains = domains(o)
  for name, price in pairs(prices) do m.prices[name] = price end
  return m
end

-- The same by the library, where a server has the ports and lends them: what stands of TCP, or each
-- port of a socket of UDP, moves there and back.
local function lent(o)
  local all = { placement = "library_ring_driver" }
  for key, value in pairs(o) do all[key] = value end
  local m, list = machine(all), {}
  local lib = o.protocol .. "_lib"
  for _, instance in ipairs(m.graph) do
    local one = {}
    for key, value in pairs(instance) do one[key] = value end
    if one.name == "ip_lib" then one.filter = nil end
    if one.name == "ip" then one.domain = "server" end
    if one.name == o.protocol then
      local server = {}
      for key, value in pairs(one) do server[key] = value end
      server.domain, server.below = "server", { "ip" }
      list[#list + 1] = server
      one.name, one.guest = lib, true
    end
    if one.name == "sock" then one.below = { o.protocol, lib } end
    list[#list + 1] = one
  end
  m.graph, m.domains = list, { server = {}, app = { transfer = "ipc" } }
  return m
end

-- What a program does: a stream, or a small message to and fro.
local function workload(protocol)
  if protocol == "tcp" then
    return { kind = "tcp", bytes = param("workload.bytes", "4MiB"), chunk = "8KiB" }
  end
  return { kind = "echo", over = "user", size = param("workload.size", "1B"), rounds = 64,
           warmup = 4, waits = "thread" }
end

return { names = names, networks = networks, machine = machine, lent = lent,
         workload = workload }
