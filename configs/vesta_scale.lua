-- Views at scale: to 4,096 programs and 64 I/O nodes, and how many messages each program costs.
--
--   psim run vesta_scale -j2
--
-- A program reads one request of 256 KiB: a row of the matrix (cn), a column (nb), or a part of
-- each (bb, cc).  An entry is a BSU of 4 KiB, a column a cell.  There is no coordinator, so what a
-- program costs in frames, opening and meetings included, is the same for any number of them.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local nodes, part, system = param("nodes", 256), param("part", "cn"), param("system", "vesta")
local entry, size = 4 << 10, 256 << 10
local columns = part == "nb" and nodes or size // entry
local side = nodes <= 256 and 18 or nodes <= 1024 and 33 or 65

local function grows(p, from, to)
  return { kind = "ratio", name = p .. ": frames of " .. to .. " programs over " .. from,
           measure = "nic.frames_in", at = { nodes = to, part = p },
           over = { nodes = from, part = p }, min = 3.5, max = 4.2, doc = "no coordinator" }
end

return {
  title = "Views at scale",
  machine = paragon {
    rows = side, columns = side, io_nodes = 64, model = "ideal", storage = { kind = "raid3" },
    os = system == "vesta" and services.vesta or nil,
  },
  workload = {
    kind = "io", system = system, op = "read", nodes = nodes, access = "array",
    view = system == "vesta", method = system == "pfs" and "pieces" or "list", warmup = 0,
    unit = entry .. "B", factor = system == "vesta" and columns or 0, size = size .. "B",
    requests = 1,
    shape = { distribution = part, record = entry .. "B",
              rows = nodes * size // entry // columns },
  },
  sweep = {
    product = { part = { "cn", "nb", "bb", "cc" }, nodes = { 16, 64, 256, 1024, 4096 } },
    constraint = function(p) return p.nodes < 4096 or p.part == "cn" end,
  },
  measures = { "file.bandwidth", "file.latency", "nic.frames_in" },
  expectations = {
    grows("cn", 16, 64), grows("cn", 64, 256), grows("cn", 256, 1024), grows("cn", 1024, 4096),
    grows("nb", 16, 64), grows("nb", 64, 256), grows("nb", 256, 1024),
    grows("bb", 16, 64), grows("bb", 64, 256), grows("bb", 256, 1024),
    grows("cc", 16, 64), grows("cc", 64, 256), grows("cc", 256, 1024),
  },
  figure = {
    x = "nodes", y = "nic.frames_in", by = "part", log = "xy",
    x_label = "programs", y_label = "frames of all nodes, opens and meetings included",
  },
}
