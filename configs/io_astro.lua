-- The astrophysics application of Thakur, Gropp and Lusk on the SP-2 and on the Paragon: arrays in
-- three dimensions, dealt out in blocks, are read and written in two phases.
--
--   psim figure io_astro -j2
--   psim run io_astro -p case=large -p op=write -p computer=SP-2
--
-- The SP-2 has Vesta on its I/O nodes (PIOFS, of which the publication tells, was Vesta as a
-- product), or PFS; the Paragon has PFS, in M_UNIX or M_ASYNC, or Vesta.  data = "buffers": the
-- files fit into the buffers of Vesta's I/O nodes, so that reads find them there and writes end
-- there.  docs/models/applications.md says what is assumed.
local services = include "parts/services.lua"
local pfs_unix, pfs_async = { system = "pfs", mode = "M_UNIX" }, { system = "pfs" }
local vesta = { system = "vesta" }
local computers = {
  ["Paragon"] = { preset = "paragon", files = pfs_unix },
  ["Paragon async"] = { preset = "paragon", files = pfs_async },
  ["Paragon Vesta"] = { preset = "paragon", files = vesta },
  ["SP-2"] = { preset = "sp2", files = vesta },
  ["SP-2 PFS"] = { preset = "sp2", files = pfs_async },
}
local order = { "Paragon", "Paragon async", "Paragon Vesta", "SP-2 PFS", "SP-2" }
-- ASSUMED(the publication's sizes are not at hand): points of an array, programs each way.
local cases = {
  small = { points = { 128, 128, 64 }, programs = { 2, 2, 2 }, arrays = 2 },
  large = { points = { 256, 256, 256 }, programs = { 4, 4, 4 }, arrays = 1 },
}

local case = cases[param("case", "small", cases)]
local computer = computers[param("computer", "SP-2", computers)]
local op, buffers = param("op", "read", { "read", "write" }), param("data", "disks",
                                                                    { "disks", "buffers" })
local io, nodes, dims = param("io_nodes", 16), 1, {}
for i, parts in ipairs(case.programs) do
  nodes = nodes * parts
  dims[i] = { n = case.points[i], deal = "block", parts = parts }
end

local SOURCE = "Thakur, Gropp, Lusk, ACPC 1996: abstract"
local function at(size, direction, who, where)
  return { case = size, op = direction, computer = who, data = where or "disks" }
end
local function over(name, size, direction, one, two, where, min, max, missed)
  return { kind = "ratio", name = name, at = at(size, direction, one, where),
           over = at(size, direction, two, two == "SP-2" and where or "disks"), min = min,
           max = max, citation = SOURCE, missed = missed }
end
local function both(size, direction)
  return { kind = "ratio", name = size .. ", " .. direction .. ": messages are faster on Paragon",
           at = at(size, direction, "Paragon Vesta", "buffers"),
           over = at(size, direction, "SP-2", "buffers"), min = 1.1, citation = SOURCE,
           doc = "no device is in the way of either" }
end
local function busy(direction, measure, min)
  return { kind = "range", name = "large, " .. direction .. ": devices are what limits the SP-2",
           measure = measure, at = at("large", direction, "SP-2"), min = min,
           citation = "derived: 16 drives; links and CPUs have room for ten times as much" }
end

return {
  title = "An astrophysics application: SP-2 and Paragon",
  doc = "Bandwidth of all programs, exchange between the phases and all.",
  machine = include("machines/" .. computer.preset .. ".lua") {
    rows = 8, columns = math.max(4, (nodes + io + 7) // 8 + 1), io_nodes = io,
    storage = computer.preset == "paragon" and include "disks/paragon_raid3.lua" or nil,
    os = computer.files == vesta and services.vesta or nil,
  },
  workload = {
    kind = "io", op = op, nodes = nodes, system = computer.files.system, mode = computer.files.mode,
    access = "filetype", method = param("method", "two_phase"), work = true,
    requests = param("arrays", case.arrays), warmup = 0, start = "0",
    sync = buffers == "buffers" and "none" or "close",
    cache = buffers == "buffers" and op == "read" and "warm" or "cold",
    shape = { record = "4B", filetype = { { type = "darray", dims = dims } } },
  },
  sweep = {
    product = {
      case = { "small", "large" }, op = { "read", "write" }, computer = order,
      data = { "disks", "buffers" },
    },
    constraint = function(p)
      return p.data == "disks" or computers[p.computer].files == vesta
    end,
  },
  measures = { "file.bandwidth", "file.latency", "coll.requests", "bus.busiest", "arm.busiest",
               "cpu.busiest" },
  figure = {
    x = "computer", y = "file.bandwidth", by = "op", where = { case = "large", data = "disks" },
    x_label = "computer and file system", y_label = "bandwidth of all",
    expectations = {
      { kind = "value", name = "SP: the most that was read", at = at("large", "read", "SP-2"),
        equals = "48MB/s", within = 0.25, citation = SOURCE },
      { kind = "value", name = "SP: the most that was written", at = at("large", "write", "SP-2"),
        equals = "31.6MB/s", within = 0.25, citation = SOURCE },
      over("small, read: much faster on the SP", "small", "read", "SP-2", "Paragon", "buffers", 2),
      over("small, written: much faster on the SP", "small", "write", "SP-2", "Paragon", "buffers",
           2),
      over("large, read: slightly faster on the SP", "large", "read", "SP-2", "Paragon", nil, 1,
           1.5),
      over("large, written: slightly faster on the Paragon", "large", "write", "Paragon", "SP-2",
           nil, 1, 1.5, "in M_UNIX a program's write waits for the token of the file"),
      over("the same in M_ASYNC", "large", "write", "Paragon async", "SP-2", nil, 1, 1.5),
      both("small", "read"), both("large", "read"), both("small", "write"), both("large", "write"),
      busy("read", "bus.busiest", 0.7), busy("write", "arm.busiest", 0.6),
    },
  },
}
