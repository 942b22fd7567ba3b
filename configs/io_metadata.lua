-- A storm of small files over PFS: each program makes, looks at, lists and removes its own, in a
-- directory of its own or in one for all.
--
--   psim run io_metadata -j2
--
-- Names are the service node's to keep, in memory; each file has a local file on each of its I/O
-- nodes, which a device makes and removes.  Every file begins on the first I/O node, whose arm is
-- the limit, whatever the factor and the directory.  Where each begins on the next one
-- (machine.os.pfs_meta.first = "round"; no source says what Intel did) all arms work.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local system = param("workload.system", "pfs")

local first = param("machine.first", "zero") -- where files of PFS begin

local function case(nodes, factor, directory, first)
  return { ["workload.nodes"] = nodes, ["workload.factor"] = factor,
           ["workload.directory"] = directory,
           ["machine.first"] = first or "zero" }
end

return {
  title = "Small files over PFS",
  machine = paragon {
    rows = 4, columns = 6, io_nodes = 4, storage = { kind = "raid3" },
    os = system ~= "pfs" and services[system] or { pfs_meta = { first = first } },
  },
  workload = {
    kind = "metadata", system = system, nodes = param("workload.nodes", 16),
    factor = param("workload.factor", 1),
    directory = param("workload.directory", "own"), bytes = param("workload.bytes", "4KiB"),
    requests = 8, warmup = 0,
  },
  sweep = {
    product = {
      ["workload.nodes"] = { 1, 4, 16 },
      ["workload.factor"] = { 1, 4 },
      ["workload.directory"] = { "own", "shared" },
      ["machine.first"] = { "zero", "round" },
    },
    constraint = function(p)
      return p["machine.first"] == "zero"
        or p["workload.factor"] == 1 and p["workload.directory"] == "own"
    end,
  },
  measures = {
    "meta.operations", "meta.creates", "meta.stats", "meta.removes", "meta.create.mean",
    "meta.stat.mean", "meta.list.mean", "meta.remove.mean",
  },
  expectations = {
    { kind = "ratio", name = "one directory for all, or one each", measure = "meta.operations",
      at = case(16, 1, "shared"), over = case(16, 1, "own"), min = 0.9, max = 1.1 },
    { kind = "ratio", name = "files of one unit: factor 4 over 1", measure = "meta.operations",
      at = case(4, 4, "own"), over = case(4, 1, "own"), min = 0.9, max = 1.1 },
    { kind = "ratio", name = "removes: 16 programs over one", measure = "meta.removes",
      at = case(16, 1, "own"), over = case(1, 1, "own"), max = 2,
      doc = "the arm of the first I/O node is the limit" },
    { kind = "ratio", name = "creates: files begin on each I/O node in turn, or all on the first",
      measure = "meta.creates", at = case(16, 1, "own", "round"), over = case(16, 1, "own"),
      min = 2, max = 5, doc = "four arms in place of one" },
  },
}
