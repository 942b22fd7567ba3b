-- Latency, asymptotic rate and half-rate length of each release of the Paragon, in one run each.
-- Latency and rate are calibrated (configs/machines/paragon.lua); n_half is an output: published
-- are 7236 B for R1.4 and 5856 B for SUNMOS 1.6 (Dongarra and Dunigan, UT CS-95-299).
local paragon = include "machines/paragon.lua"
return {
  title = "Paragon: latency, asymptotic rate, half-rate length",
  doc = "The echo test between neighbours, sizes doubling up to a million bytes.",
  machine = paragon { rows = 1, columns = 2, release = param("release", "R1.4") },
  workload = { kind = "message_time" },
  sweep = { product = { release = { "early", "R1.2", "R1.4", "SUNMOS-1.6" } } },
  measures = { "latency.mean", "asymptote.mean", "n_half.mean" },
  figure = {
    x = "release", y = "n_half.mean",
    x_label = "release", y_label = "length at half of the asymptotic rate",
    expectations = {
      { kind = "value", name = "half-rate length of R1.4", at = { release = "R1.4" },
        equals = "7236B", within = 0.35, citation = "Dongarra and Dunigan, UT CS-95-299" },
      { kind = "value", name = "half-rate length of SUNMOS 1.6", at = { release = "SUNMOS-1.6" },
        equals = "5856B", within = 0.35, citation = "Dongarra and Dunigan, UT CS-95-299" },
    },
  },
}
