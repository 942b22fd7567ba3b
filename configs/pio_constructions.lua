-- What a construction costs: PFS's six I/O modes over PFS and over Vesta, and Vesta's own, on the
-- same work: each program its part of one shared file, 64 programs, 16 I/O nodes.
--
--   psim figure pio_constructions -j2
--
-- `cached` is PFS whose I/O nodes have the buffers that Vesta's have.  A mode of Vesta stands under
-- the one of PFS that it is made into.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local name, mode, op = param("system", "pfs"), param("mode", "M_ASYNC"), param("op", "read")
local system = name == "cached" and "pfs" or name
local of_vesta = { M_UNIX = "independent", M_LOG = "shared", M_ASYNC = "reckless" }
local lfs = { buffered = true, block = "64KiB", cache = 256, read_ahead = 8, files = 512 }

-- One system over another, in a mode.
local function over(m, o, top, bottom, min, max, doc)
  return {
    kind = "ratio", name = m .. ", " .. o .. ": " .. top .. " over " .. bottom,
    at = { system = top, mode = m, op = o }, over = { system = bottom, mode = m, op = o },
    min = min, max = max, doc = doc,
  }
end
local function same(m)
  return over(m, "read", "pfs_on_vesta", "cached", 0.85, 1.15, "the same bytes by the same buffers")
end

return {
  title = "Constructions: I/O modes over PFS and over Vesta",
  machine = paragon {
    rows = 9, columns = 9, io_nodes = 16, storage = { kind = "raid3" },
    os = name == "cached" and { pfs_server = { lfs = lfs } } or services[system],
  },
  workload = {
    kind = "io", system = system, op = op, nodes = param("nodes", 64), access = "partitioned",
    mode = name == "vesta" and of_vesta[mode] or mode, size = param("size", "64KiB"),
    requests = param("requests", 8), warmup = 0, work = true,
  },
  sweep = {
    product = {
      system = { "pfs", "cached", "pfs_on_vesta", "vesta" },
      mode = { "M_UNIX", "M_LOG", "M_SYNC", "M_RECORD", "M_GLOBAL", "M_ASYNC" },
      op = { "read", "write" },
    },
    constraint = function(p) return p.system ~= "vesta" or of_vesta[p.mode] ~= nil end,
  },
  measures = { "file.bandwidth", "file.latency", "file.mesh", "file.queue", "file.arm",
               "cpu.busiest", "arm.busiest" },
  figure = {
    x = "mode", y = "file.bandwidth", by = "system", where = { op = "read" },
    x_label = "I/O mode", y_label = "read bandwidth of all",
    expectations = {
      same "M_LOG", same "M_SYNC", same "M_RECORD", same "M_GLOBAL",
      over("M_LOG", "write", "pfs_on_vesta", "cached", 0.9, 1.5),
      over("M_SYNC", "write", "pfs_on_vesta", "cached", 0.9, 1.2),
      over("M_RECORD", "write", "pfs_on_vesta", "cached", 0.9, 1.5),
      over("M_GLOBAL", "write", "pfs_on_vesta", "cached", 0.9, 1.3),
      over("M_UNIX", "read", "pfs_on_vesta", "cached", 5, nil,
           "an order at each I/O node in place of one token for the file"),
      over("M_UNIX", "write", "pfs_on_vesta", "cached", 3, nil, "the same"),
      over("M_UNIX", "read", "pfs_on_vesta", "vesta", 0.9, 1.4, "nothing is added"),
      over("M_LOG", "read", "pfs_on_vesta", "vesta", 0.9, 1.2, "a call for the pointer in both"),
      over("M_ASYNC", "read", "pfs_on_vesta", "vesta", 0.9, 1.4, "nothing is added"),
    },
  },
}
