-- Electron scattering (ESCAT) on the Paragon of Caltech: the phases of three versions of the
-- program, and what share of the time in file operations each operation has.
--
--   psim run io_escat
--   psim run io_escat -p nodes=512
--   psim run io_escat -p system=vesta
--
-- docs/models/applications.md says where the numbers come from.
local applications = include "parts/applications.lua"

-- The table of operations of version b on 128 nodes: inputs of the skeleton, so they must come out.
local counted = {
  ["app.opens"] = 262, ["app.reads"] = 560, ["app.writes"] = 13330, ["app.seeks"] = 12034,
  ["app.closes"] = 262, ["app.read_bytes"] = 34226048, ["app.write_bytes"] = 26757088,
}
local published = "Crandall, Aydt, Chien, Reed, Input/Output Characteristics of Scalable Parallel "
  .. "Applications, SC'95, table of ESCAT, as recalled"
local evolved = "Smirni, Aydt, Chien, Reed, I/O Requirements of Scientific Applications: An "
  .. "Evolutionary View, HPDC'96, as recalled"

local version, nodes = param("workload.version", "b"), param("nodes", 128)
local system = param("system", "pfs")

local b, c = { ["workload.version"] = "b" }, { ["workload.version"] = "c" }
local expectations = {
  { kind = "range", name = "version a: reads take most of the time of operations",
    measure = "app.read_share", at = { ["workload.version"] = "a" }, min = 0.4,
    citation = evolved },
  { kind = "range", name = "version b: small writes in M_UNIX do", measure = "app.write_share",
    at = b, min = 0.4, citation = published },
  { kind = "range", name = "version b: seeks are a large part", measure = "app.seek_share",
    at = b, min = 0.3, citation = published,
    missed = "a node's own pointer is kept on the node: a seek in M_UNIX asks nobody" },
  { kind = "ratio", name = "version b: a write in M_UNIX over one in M_ASYNC",
    measure = "app.write.mean", at = b, over = c, min = 2, citation = evolved },
  { kind = "ratio", name = "all nodes read the input, or node zero", measure = "escat.load",
    at = { ["workload.version"] = "a" }, over = b, min = 2, citation = evolved },
}
if system ~= "pfs" or nodes ~= 128 then
  expectations = nil
else
  for name, number in pairs(counted) do
    expectations[#expectations + 1] = { kind = "value", name = "version b: " .. name,
      measure = name, at = b, equals = number, within = 0, citation = published,
      calibrated = true }
  end
end

return {
  title = "Electron scattering, three versions",
  machine = applications.caltech { system = system, nodes = nodes },
  workload = {
    kind = "escat", version = version, nodes = nodes, system = system,
    compute = param("compute", "100s"),
  },
  sweep = { product = { ["workload.version"] = { "a", "b", "c" } } },
  measures = { "escat.load", "escat.quadrature", "escat.reload", "escat.output", "app.write",
               "app.read_share", "app.write_share", "app.seek_share", "app.open_share" },
  figure = {
    x = "workload.version", y = "app.write.mean",
    x_label = "version", y_label = "time of a write",
  },
  expectations = expectations,
}
