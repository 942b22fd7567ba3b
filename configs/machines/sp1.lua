-- The IBM SP-1: POWER nodes under AIX at the switch of the SP-2; the CPU moves the bytes to and
-- from the adapter.
--
--   local sp1 = include "machines/sp1.lua"
--   machine = sp1 { rows = 4, columns = 4, messages = "EUI-H" }
--
-- Options: as machines/sp2.lua, and messages: the library, "MPL" (EUI), or the light "EUI-H".
--
-- Sources:
--   [DD]      Dongarra and Dunigan, UT CS-95-299: MPL, 270 us, 7 MB/s, half of it at 1904 B
--   [memory]  POWER at 62.5 MHz; the adapter has no processor, and programmed I/O; EUI-H about
--             30 us, 8.5 to 9 MB/s (medium confidence)
--   ASSUMED   no source; the reason stands beside it
-- CALIBRATED: `path` for the latency and `rate` for the megabyte; the length at half of the rate is
-- an output.
local sp2 = include "machines/sp2.lua"

local libraries = {
  ["MPL"] = { path = 9.95, rate = "11.1MB/s" },
  ["EUI-H"] = { path = 0.66, rate = "13MB/s" },
}

local known = {
  "columns", "detector_delay", "dimension", "faults", "graph", "io_nodes", "libraries",
  "messages", "nodes", "os", "routes", "rows", "scale", "storage"
}
return (include "parts/options.lua")("sp1", known, function(o)
  local options = {}
  for key, value in pairs(o) do options[key] = value end
  local library = libraries[o.messages or "MPL"]
  if not library then
    error("messages '" .. tostring(o.messages) .. "' is not MPL or EUI-H", 2)
  end
  options.messages = nil
  options.path = library.path
  options.adapter = { kind = "pio", rate_out = library.rate, rate_in = library.rate }
  options.mtu = 224             -- ASSUMED(the CPU writes a packet at a time)
  options.clock = 2             -- ASSUMED(62.5 MHz, an instruction a clock: half as fast)
  options.flop = 0.04           -- ASSUMED(compiled code at 25 Mflop/s)
  return sp2(options)
end)
