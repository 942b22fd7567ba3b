-- The Intel iPSC/2: a binary hypercube of 80386 nodes under NX; the channels are the iPSC/860's.
--
--   local ipsc2 = include "machines/ipsc2.lua"
--   machine = ipsc2 { dimension = 5 }
--
-- Options: as machines/ipsc860.lua.
--
-- Sources:
--   [DD]      Dongarra and Dunigan, UT CS-95-299: 370 us, 2.8 MB/s, half of it at 1742 B
--   [387]     Intel's data sheet of the 80387 (from memory): doubles in memory are added in 29 to
--             37 clocks, multiplied in 32 to 57, loaded in 25, stored in 45
--   ASSUMED   no source; the reason stands beside it
-- CALIBRATED: `path` for the 370 us and `setup_time` for the 1742 B.  The protocol of long messages
-- (reserve first, above 100 bytes) is the iPSC/860's.
local ipsc860 = include "machines/ipsc860.lua"

local known = {
  "columns", "dimension", "faults", "graph", "io_nodes", "libraries", "model", "nodes", "os",
  "rows", "scale", "storage"
}
return (include "parts/options.lua")("ipsc2", known, function(o)
  local options = {}
  for key, value in pairs(o) do options[key] = value end
  options.byte_time = "357ns"   -- 2.8 MB/s [DD]
  options.path = 12.65          -- CALIBRATED [DD]
  options.setup_time = "98us"   -- CALIBRATED [DD]
  options.clock = 6             -- ASSUMED(an 80386 at 16 MHz, against an i860 XR at 40 MHz)
  options.flop = 3.1            -- 50 clocks of 16 MHz [387]; ASSUMED(an operation, half a load or
                                -- store, and the loop)
  return ipsc860(options)
end)
