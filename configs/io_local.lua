-- Files of their own: each program writes and reads one on its node's disk, or over PFS on the I/O
-- nodes.
--
--   psim run io_local -j2
--
-- The group `compute` of machine.nodes has a device a node (storage), and the system `files` finds
-- a file system on it; programs name the system and nothing else.  Disks of the nodes come with the
-- nodes: twice as many programs have twice the bandwidth.  Over PFS four I/O nodes serve all.
local paragon = include "machines/paragon.lua"

local where, op = param("where", "local", { "local", "pfs" }), param("op", "write")
local nodes = param("nodes", 16)

local systems = {
  ["local"] = { system = "files", os = { { service = "nx" }, { service = "file_client" } } },
  ["pfs"] = { system = "pfs" },
}
local function case(place, what, programs)
  return { where = place, op = what, nodes = programs }
end
local function growth(name, place, what, min, max, doc)
  return { kind = "ratio", name = name, measure = "file.bandwidth",
           at = case(place, what, 16), over = case(place, what, 1),
           min = min, max = max, doc = doc }
end

return {
  title = "A file of each program: on its node's disk, and over PFS",
  machine = paragon {
    rows = 4, columns = 6, io_nodes = 4, storage = { kind = "disk" }, os = systems[where].os,
    nodes = where == "local" and { compute = { storage = { kind = "disk" } } } or nil,
  },
  workload = {
    kind = "io", system = systems[where].system, access = "partitioned", file = "own", op = op,
    nodes = nodes, size = "64KiB", requests = 32, warmup = 0, sync = "close",
  },
  sweep = {
    product = { where = { "local", "pfs" }, op = { "write", "read" }, nodes = { 1, 2, 4, 8, 16 } },
  },
  measures = { "file.bandwidth", "file.latency", "file.mesh", "file.queue", "file.arm" },
  figure = {
    x = "nodes", y = "file.bandwidth", by = "where", where = { op = "write" }, log = "x",
    x_label = "programs", y_label = "bandwidth",
  },
  expectations = {
    growth("16 programs over 1, own disks: writing", "local", "write", 15.5, 16.1,
      "an arm a program, and no way that they share"),
    growth("16 programs over 1, own disks: reading", "local", "read", 15.5, 16.1),
    growth("16 programs over 1, PFS: writing", "pfs", "write", 1, 4,
      "four arms, which go from file to file"),
    { kind = "ratio", name = "16 programs: own disks over PFS, writing",
      measure = "file.bandwidth",
      at = case("local", "write", 16), over = case("pfs", "write", 16), min = 4,
      doc = "four times the arms, and each has one file" },
  },
}
