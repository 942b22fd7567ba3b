-- Latency, asymptotic rate and half-rate length of multicomputers: iPSC/2, iPSC/860, Touchstone
-- Delta, SP-1, SP-2, Paragon.  What was calibrated says so (configs/machines/); the rest is an
-- output.
--
--   psim figure machine_table
--   psim run machine_table -p computer='{SP-1, SP-1 EUI-H}'
local sp1, pair = include "machines/sp1.lua", { rows = 1, columns = 2 }
local machines = {
  ["iPSC/2"] = include "machines/ipsc2.lua" { dimension = 1 },
  ["iPSC/860"] = include "machines/ipsc860.lua" { dimension = 1 },
  Delta = include "machines/delta.lua" (pair),
  ["SP-1"] = sp1(pair),
  ["SP-1 EUI-H"] = sp1 { rows = 1, columns = 2, messages = "EUI-H" },
  ["SP-2"] = include "machines/sp2.lua" (pair),
  Paragon = include "machines/paragon.lua" (pair),
}
local names = { "iPSC/2", "iPSC/860", "Delta", "SP-1", "SP-1 EUI-H", "SP-2", "Paragon" }
local DD = "Dongarra and Dunigan, UT CS-95-299"
-- Latency, rate, half-rate length; which of them were inputs; where from.
local published = {
  ["iPSC/2"] = { "370us", "2.8MB/s", "1742B", inputs = 3 },
  ["iPSC/860"] = { "65us", "3MB/s", "340B", inputs = 1 },
  Delta = { "77us", "8MB/s", "900B", inputs = 2 },
  ["SP-1"] = { "270us", "7MB/s", "1904B", inputs = 2 },
  ["SP-1 EUI-H"] = { "30us", "8.75MB/s", inputs = 2,
                      cite = "about 30 us, 8.5 to 9 MB/s, as recalled" },
  ["SP-2"] = { "35us", "35MB/s", "3263B", inputs = 2 },
  Paragon = { "29us", "154MB/s", "7236B", inputs = 2 },
}
local measures = { "latency.mean", "asymptote.mean", "n_half.mean" }
local what, within = { "latency", "rate", "half-rate length" }, { 0.05, 0.15, 0.35 }

local expectations = {}
for _, name in ipairs(names) do
  local p = published[name]
  for k, measure in ipairs(measures) do
    if p[k] then
      expectations[#expectations + 1] = {
        kind = "value", name = what[k] .. " of " .. name, measure = measure,
        at = { computer = name }, equals = p[k], within = within[k],
        calibrated = k <= p.inputs or nil, citation = p.cite or DD,
      }
    end
  end
end
expectations[#expectations + 1] = {
  kind = "ratio", name = "SP-1: MPL's latency over EUI-H's", at = { computer = "SP-1" },
  over = { computer = "SP-1 EUI-H" }, min = 5, calibrated = true,
  citation = "200 to 270 us, and about 30, as recalled",
}

return {
  title = "Multicomputers: latency, asymptotic rate, half-rate length",
  doc = "The echo test between neighbours, sizes doubling up to a million bytes.",
  machine = machines[param("computer", "iPSC/860", names)],
  workload = { kind = "message_time" },
  sweep = { product = { computer = names } },
  measures = measures,
  figure = {
    x = "computer", y = "latency.mean", log = "y", x_label = "computer", y_label = "latency",
    expectations = expectations,
  },
}
