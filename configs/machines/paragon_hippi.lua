-- A Paragon with one node that has a HIPPI board, and hosts outside at a HIPPI switch, which read
-- and write the files of PFS through it.
--
--   local paragon_hippi = include "machines/paragon_hippi.lua"
--   machine = paragon_hippi { rows = 4, columns = 4, io_nodes = 4, hosts = 1, gate = "io" }
--
-- Options: those of parts/paragon_gate.lua but lan; host is what the hosts have of their own.
--
-- What a board of a Paragon carried is not known (GAP); the channel has 100 MB/s (HIPPI-PH).
local gate = include "parts/paragon_gate.lua"

return function(o)
  local options = {}
  for k, v in pairs(o) do options[k] = v end
  local nic = include("parts/frames.lua").nic("hippi")
  nic.dma_rate = "400MB/s"                         -- the memory bus [node4 of paragon.lua]
  options.lan = {
    kind = "hippi", adapter = { kind = "dma" }, nic = nic,
    prices = { frame_bytes = {} },                 -- ASSUMED(the board moves the bytes)
  }
  -- ASSUMED(a host of the time is as fast as a node of the Paragon and has one CPU; big-endian, as
  -- those of Cray, IBM and Silicon Graphics)
  options.host = o.host or {
    node = { coprocessor = false, upcall_cpu = "application", byte_order = "big" },
  }
  return gate(options)
end
