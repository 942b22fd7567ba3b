-- The benchmark suite on any machine, as `psim suite MACHINE` runs it: each program on one node, on
-- more nodes with the same bytes in all (speed) and with more bytes (scale), and on the most nodes
-- with still more (size).
--
--   psim suite machines/paragon.lua
--   psim suite machines/paragon.lua machines/ipsc860.lua -j2 -o page.md
--
-- A machine is a preset of configs/machines, or a file that returns the table `machine` itself.
local found = include(param("machine", "machines/paragon.lua"))
local suite = include "parts/io_suite.lua"
local services = include "parts/services.lua"

local system = param("system", "pfs")
local program = param("program", "ior-write")
local MiB <const> = 1 << 20

-- step: nodes, times the bytes of one.
local steps = {
  ["one"] = { 1, 1 },
  ["speed 4"] = { 4, 1 }, ["speed 16"] = { 16, 1 },
  ["scale 4"] = { 4, 4 }, ["scale 16"] = { 16, 16 },
  ["size 2"] = { 16, 32 }, ["size 4"] = { 16, 64 },
}
local step = param("step", "one", steps)
local nodes, times = table.unpack(steps[step])
local each = 2 * MiB * times // nodes -- bytes of a node

local programs = {
  ["partitioned"] = function(o)
    o.pattern, o.requests = "partitioned", each // (64 << 10)
    return suite.nitzberg(o)
  end,
  ["interleaved"] = function(o)
    o.pattern, o.requests = "interleaved", each // (64 << 10)
    return suite.nitzberg(o)
  end,
  ["rcc"] = function(o)
    o.name, o.bytes = "rcc", each
    return suite.kotz(o)
  end,
  ["ior-write"] = function(o)
    o.transfer, o.block = 128 << 10, each
    return suite.ior(o)
  end,
  ["ior-read"] = function(o)
    o.transfer, o.block, o.op = 128 << 10, each, "read"
    return suite.ior(o)
  end,
  ["btio-full"] = function(o)
    o.grid, o.dumps = 36, times
    return suite.btio(o)
  end,
  ["escat"] = function(o)
    o.bytes = each * nodes
    return suite.escat(o)
  end,
  ["htf"] = function(o)
    o.bytes = each * nodes
    return suite.htf(o)
  end,
  ["render"] = function(o)
    o.bytes = each * nodes
    return suite.render(o)
  end,
  ["charisma"] = function(o)
    o.jobs = 4 * times
    return suite.charisma(o)
  end,
  ["checkpoint"] = function(o)
    o.bytes, o.transfer, o.own = each, 128 << 10, true
    return suite.checkpoint(o)
  end,
}

local machine = found
if type(found) == "function" then
  machine = found {
    rows = 4, columns = 6, dimension = 5, io_nodes = param("io_nodes", 4),
    storage = { kind = param("storage", "raid3") },
    os = system ~= "pfs" and services[system] or nil,
  }
end

local make = programs[program]
if not make then error("there is no program '" .. tostring(program) .. "' in the suite", 0) end

return {
  title = "The benchmark suite",
  machine = machine,
  workload = make { nodes = nodes, system = system, work = true },
  sweep = {
    product = {
      program = { "partitioned", "interleaved", "rcc", "ior-write", "ior-read", "btio-full",
                  "checkpoint", "escat", "htf", "render", "charisma" },
      step = { "one", "speed 4", "speed 16", "scale 4", "scale 16", "size 2", "size 4" },
    },
  },
  measures = {
    "file.bandwidth", "file.latency", "file.client", "file.mesh", "file.queue", "file.arm",
  },
}
