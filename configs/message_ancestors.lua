-- Latency, asymptotic rate and half-rate length of the Paragon's forerunners: iPSC/2, iPSC/860 and
-- Touchstone Delta.  What was calibrated says so (configs/machines/); the rest is an output.
local machines = {
  ["iPSC/2"] = include "machines/ipsc2.lua" { dimension = 1 },
  ["iPSC/860"] = include "machines/ipsc860.lua" { dimension = 1 },
  Delta = include "machines/delta.lua" { rows = 1, columns = 2 },
}
local names = { "iPSC/2", "iPSC/860", "Delta" }
local CITE = "Dongarra and Dunigan, UT CS-95-299"
local published = {
  ["iPSC/2"] = { "370us", "2.8MB/s", "1742B" },
  ["iPSC/860"] = { "65us", "3MB/s", "340B" },
  Delta = { "77us", "8MB/s", "900B" },
}
local expectations = {}
for _, name in ipairs(names) do
  local p = published[name]
  local function expect(what, measure, value, within, calibrated)
    expectations[#expectations + 1] = {
      kind = "value", name = what .. " of " .. name, measure = measure, at = { computer = name },
      equals = value, within = within, calibrated = calibrated, citation = CITE,
    }
  end
  expect("latency", "latency.mean", p[1], 0.05, true)
  expect("rate", "asymptote.mean", p[2], 0.15, name ~= "iPSC/860" or nil)
  expect("half-rate length", "n_half.mean", p[3], 0.35, name == "iPSC/2" or nil)
end

return {
  title = "Forerunners of the Paragon: latency, asymptotic rate, half-rate length",
  doc = "The echo test between neighbours, sizes doubling up to a million bytes.",
  machine = machines[param("computer", "iPSC/860")],
  workload = { kind = "message_time" },
  sweep = { product = { computer = names } },
  measures = { "latency.mean", "asymptote.mean", "n_half.mean" },
  figure = {
    x = "computer", y = "latency.mean", x_label = "computer", y_label = "latency",
    expectations = expectations,
  },
}
