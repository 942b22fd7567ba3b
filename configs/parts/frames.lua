-- The longest frames of networks of stations, for drivers that write a header of their own.
--
--   local frames = include "parts/frames.lua"
--   frames.on(machine, { model = "atm", switches = 2 })       -- a machine on that network alone
--   networks = { lan = { kind = "fddi", nic = frames.nic("fddi") } }
--
-- Bytes that a frame carries, and octets of it, or of each of its packets, that carry none.
local of = {
  ethernet = { payload = 1500, header = 18 }, -- addresses, type, check sequence [IEEE 802.3]
  switched = { payload = 1500, header = 18 },
  fddi = { payload = 4352, header = 20 },     -- IP's on FDDI [RFC 1390]
  atm = { payload = 9180, header = 8 },       -- IP's over AAL5; LLC/SNAP [RFC 1483]
  hippi = { payload = 65536, header = 2 },    -- HIPPI-FP: two words
  -- Of a packet of 255 bytes (docs/models/sp.md) 7 are a route; ASSUMED(24 a header; 10 packets a
  -- frame, as the Paragon's 2 KiB and headers).
  sp = { payload = 2240, packet = 224, header = 24 },
}

local function size(n)
  return n % 1024 == 0 and n // 1024 .. "KiB" or n .. "B"
end

-- An interface's part of a network's table; payload: in the place of the longest.
local function nic(kind, payload)
  local frame, bytes = of[kind], payload or of[kind].payload
  return { mtu = size(bytes), packet_bytes = size(frame.packet or bytes),
           header_flits = frame.header }
end

-- The machine has this network (model, and what else it is told) in the place of its own.
local function on(machine, network, payload)
  machine.network = network
  for key, value in pairs(nic(network.model, payload)) do machine.nic[key] = value end
end

return { of = of, nic = nic, on = on }
