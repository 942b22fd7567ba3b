-- Views at scale: to 4,096 programs and 64 I/O nodes, and how many messages each program costs.
--
--   psim run vesta_scale -j2
--
-- An entry of the matrix is a BSU of 64 KiB, a column a cell, 64 of them; a program reads one
-- request.  There is no coordinator, so what the programs send grows as they do.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local nodes, columns, entry, size = param("nodes", 256), 64, 64 << 10, 256 << 10
local side = nodes <= 256 and 18 or nodes <= 1024 and 33 or 65

-- Frames of all nodes, opening and meetings included: the same for each program.
local function grows(part, from, to)
  return { kind = "ratio", name = part .. ": frames of " .. to .. " programs over " .. from,
           measure = "nic.frames_in", at = { nodes = to, part = part },
           over = { nodes = from, part = part }, min = 3.8, max = 4.2, doc = "no coordinator" }
end

return {
  title = "Views at scale",
  machine = paragon {
    rows = side, columns = side, io_nodes = 64, model = "ideal", storage = { kind = "raid3" },
    os = services.vesta,
  },
  workload = {
    kind = "io", system = "vesta", op = "read", nodes = nodes, access = "array", view = true,
    warmup = 0, unit = entry .. "B", factor = columns, size = size .. "B", requests = 1,
    shape = { distribution = param("part", "cn"), record = entry .. "B",
              rows = nodes * size // entry // columns },
  },
  sweep = {
    product = { part = { "cn", "nb", "bb", "cc" }, nodes = { 256, 1024, 4096 } },
    constraint = function(p) return p.nodes < 4096 or p.part == "cn" end,
  },
  measures = { "file.bandwidth", "file.latency", "nic.frames_in" },
  expectations = {
    grows("cn", 256, 1024), grows("cn", 1024, 4096), grows("bb", 256, 1024),
    grows("cc", 256, 1024),
  },
}
