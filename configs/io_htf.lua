-- Hartree-Fock (HTF) on the Paragon of Caltech: psetup, pargos, which writes integrals, and pscf,
-- which reads them in every pass.
--
--   psim run io_htf
--   psim run io_htf -p nodes=16 -p integrals=1024
local applications = include "parts/applications.lua"

local nodes, system = param("nodes", 128), param("system", "pfs")
local integrals = param("integrals", 8532)
local published = "Crandall, Aydt, Chien, Reed, Input/Output Characteristics of Scalable Parallel "
  .. "Applications, SC'95, tables of HTF, as recalled"

-- The tables of the three programs, summed: inputs of the skeleton, so they must come out.
local counted = {
  ["app.opens"] = 4 + 130 + 157, ["app.reads"] = 371 + 145 + 51499,
  ["app.writes"] = 452 + 8535 + 207, ["app.seeks"] = 2 + 130 + 813, ["app.flushes"] = 8657,
  ["app.sizes"] = 128, ["app.closes"] = 3 + 129 + 156,
  ["app.read_bytes"] = 3522497 + 34393 + 4201634304,
}
local one = { io_nodes = 16 }
local expectations
if system == "pfs" and nodes == 128 and integrals == 8532 then
  expectations = {
    { kind = "range", name = "reads take the most of the time of operations",
      measure = "app.read_share", at = one, min = 0.5, citation = published },
  }
  for name, number in pairs(counted) do
    expectations[#expectations + 1] = { kind = "value", name = name, measure = name, at = one,
      equals = number, within = 0, citation = published, calibrated = true }
  end
end

return {
  title = "Hartree-Fock: integrals are written once and read six times",
  machine = applications.caltech {
    system = system, nodes = nodes, io_nodes = param("io_nodes", 16),
  },
  workload = { kind = "htf", nodes = nodes, system = system, integrals = integrals,
               compute = param("compute", "1s") },
  sweep = { product = { io_nodes = { 4, 16 } } },
  measures = { "htf.psetup", "htf.pargos", "htf.pscf", "file.bandwidth", "app.read_share",
               "app.write_share", "app.open_share", "app.seek_share" },
  expectations = expectations,
  figure = {
    x = "io_nodes", y = "htf.pscf", x_label = "I/O nodes", y_label = "time of pscf",
    expectations = expectations and {
      { kind = "ratio", name = "pscf with 4 I/O nodes over 16", at = { io_nodes = 4 }, over = one,
        equals = 2.9, within = 0.1, guard = true },
    } or nil,
  },
}
