-- The benchmark suite: each program once on a machine with a file system.
--
--   psim run io_suite -j2
--   psim run io_suite -p machine=machines/ipsc860.lua -p dimension=5
--
-- The programs stand in parts/io_suite.lua.
local preset = include(param("machine", "machines/paragon.lua"))
local suite = include "parts/io_suite.lua"
local services = include "parts/services.lua"

local nodes, system = param("nodes", 16), param("system", "pfs")
local program = param("program", "ior-write")
local grid = param("grid", 32) -- of BTIO; class A: 64
local common = { nodes = nodes, system = system }

local function with(options)
  for key, value in pairs(common) do options[key] = options[key] or value end
  return options
end

local programs = {
  ["broadcast"] = function() return suite.nitzberg(with { pattern = "broadcast" }) end,
  ["partitioned"] = function() return suite.nitzberg(with { pattern = "partitioned" }) end,
  ["interleaved"] = function() return suite.nitzberg(with { pattern = "interleaved" }) end,
  ["rb"] = function() return suite.kotz(with { name = "rb" }) end,
  ["rcc"] = function() return suite.kotz(with { name = "rcc" }) end,
  ["wcb"] = function() return suite.kotz(with { name = "wcb" }) end,
  ["ior-write"] = function() return suite.ior(with { op = "write", reorder = true }) end,
  ["ior-read"] = function() return suite.ior(with { op = "read" }) end,
  ["ior-files"] = function() return suite.ior(with { op = "write", file_per_process = true }) end,
  ["btio-full"] = function() return suite.btio(with { grid = grid, variant = "full" }) end,
  ["btio-list"] = function() return suite.btio(with { grid = grid, variant = "list" }) end,
  ["btio-simple"] = function() return suite.btio(with { grid = grid, variant = "simple" }) end,
  ["btio-epio"] = function() return suite.btio(with { grid = grid, variant = "epio" }) end,
  ["checkpoint"] = function() return suite.checkpoint(with {}) end,
}
local order = { "broadcast", "partitioned", "interleaved", "rb", "rcc", "wcb", "ior-write",
                "ior-read", "ior-files", "btio-full", "btio-list", "btio-simple", "btio-epio",
                "checkpoint" }

return {
  title = "The benchmark suite",
  machine = preset {
    rows = param("rows", 4), columns = param("columns", 6), dimension = param("dimension", 5),
    io_nodes = param("io_nodes", 4), storage = { kind = "raid3" },
    os = system ~= "pfs" and services[system] or nil,
  },
  workload = programs[program](),
  sweep = { product = { program = order } },
  measures = { "file.bandwidth", "file.latency", "file.queue", "file.arm" },
  expectations = {
    { kind = "ratio", name = "BTIO: in two phases over a request a line",
      measure = "file.bandwidth",
      at = { program = "btio-full" }, over = { program = "btio-simple" }, min = 1 },
    { kind = "ratio", name = "IOR: read over write", measure = "file.bandwidth",
      at = { program = "ior-read" }, over = { program = "ior-write" }, min = 1 },
    { kind = "ratio", name = "BTIO: a file each over two phases",
      measure = "file.bandwidth",
      at = { program = "btio-epio" }, over = { program = "btio-full" }, max = 1,
      doc = "files of two stripe units all lie on the first two I/O nodes" },
  },
}
