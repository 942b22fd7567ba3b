-- What each construction costs against the native systems: the same programs over PFS, over Vesta,
-- over PFS's modes on Vesta's files, and over Vesta's files and views on PFS, whose stripes are the
-- mount's, or (vesta_on_pfs_own) the unit and factor that the program asks for.
--
--   psim run vesta_on_pfs -j2
local paragon = include "machines/paragon.lua"
local suite = include "parts/io_suite.lua"
local services = include "parts/services.lua"

local nodes, unit = param("nodes", 8), param("unit", "16KiB")

-- The I/O nodes' file systems are the same below all.
local buffers = { buffered = true, block = "64KiB", cache = 256, read_ahead = 8, files = 512 }
local function pfs(own)
  return { pfs_server = { lfs = buffers }, pfs_meta = { per_file_layout = own } }
end

local constructions = {
  pfs = { system = "pfs", os = pfs(false) },
  vesta = { system = "vesta", os = services.vesta },
  pfs_on_vesta = { system = "pfs_on_vesta", os = services.pfs_on_vesta },
  vesta_on_pfs = { system = "vesta_on_pfs", os = pfs(false) },
  vesta_on_pfs_own = { system = "vesta_on_pfs", os = pfs(true) },
}
local over = param("over", "vesta_on_pfs", constructions)
local chosen = constructions[over]

local function with(options)
  options.nodes, options.system = nodes, chosen.system
  return options
end
local programs = {
  ["partitioned"] = function() return suite.nitzberg(with { pattern = "partitioned" }) end,
  ["interleaved"] = function() return suite.nitzberg(with { pattern = "interleaved" }) end,
  ["rcc"] = function() return suite.kotz(with { name = "rcc" }) end,
  ["ior-write"] = function() return suite.ior(with { op = "write" }) end,
  ["ior-read"] = function() return suite.ior(with { op = "read" }) end,
}
local program = param("program", "rcc", programs)
local work = programs[program]()
-- PFS's unit is that of its mount: there is one for all files.
if over ~= "pfs" and over ~= "pfs_on_vesta" then work.unit = unit end

return {
  title = "The price of each construction",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 4, release = "R1.4", storage = { kind = "raid3" },
    os = chosen.os,
  },
  workload = work,
  sweep = { product = {
    program = { "partitioned", "interleaved", "rcc", "ior-write", "ior-read" },
    over = { "pfs", "vesta_on_pfs", "vesta_on_pfs_own", "vesta", "pfs_on_vesta" },
  } },
  measures = { "file.bandwidth", "file.latency", "file.queue", "file.arm", "file.client" },
  expectations = {
    { kind = "ratio", name = "cells and views on PFS over PFS itself, files read by blocks",
      measure = "file.bandwidth", at = { program = "partitioned", over = "vesta_on_pfs" },
      over = { program = "partitioned", over = "pfs" }, min = 0.95, max = 1.05,
      citation = "derived: the view of all is the file as it lies; arithmetic is not named work" },
  },
}
