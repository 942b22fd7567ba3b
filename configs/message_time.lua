-- One-way message time and rate against size, by operating system release of the Paragon.
-- The echo test of Dongarra and Dunigan: adjacent nodes, half of a round trip.
local paragon = include "machines/paragon.lua"

local CITE = {
  early = "RNR-94-016, NASA Ames",
  ["R1.2"] = "SUNMOS papers, as collected at scispace.com",
  ["R1.4"] = "Dongarra and Dunigan, UT CS-95-299",
  ["SUNMOS-1.6"] = "Dongarra and Dunigan, UT CS-95-299",
}
local latency = { early = "100us", ["R1.2"] = "42us", ["R1.4"] = "29us", ["SUNMOS-1.6"] = "25us" }
local rate = { early = "32.5MB/s", ["R1.2"] = "65MB/s", ["R1.4"] = "154MB/s",
               ["SUNMOS-1.6"] = "171MB/s" }
local releases = { "early", "R1.2", "R1.4", "SUNMOS-1.6" }

local expectations, published = {}, {}
for _, r in ipairs(releases) do
  expectations[#expectations + 1] = {
    kind = "value", name = "latency of " .. r, measure = "one_way.mean",
    at = { release = r, ["workload.size"] = "0B" },
    equals = latency[r], within = 0.15, calibrated = true, citation = CITE[r],
  }
  expectations[#expectations + 1] = {
    kind = "value", name = "rate of " .. r .. " at a million bytes",
    at = { release = r, ["workload.size"] = "1000kB" },
    equals = rate[r], within = 0.15, calibrated = true, citation = CITE[r],
  }
  expectations[#expectations + 1] = {
    kind = "monotone", name = "rate of " .. r .. " rises with size",
    of = { release = r }, direction = "rising", slack = 0.05,
  }
  published[#published + 1] = {
    name = r .. ", published", of = r, points = { { "1000kB", rate[r] } },
    citation = CITE[r], confidence = r == "early" and "medium" or "high",
  }
end

return {
  title = "Paragon: message rate against size, by release",
  doc = "Latency and asymptotic rate of each release are calibrated; the curve between is not.",
  machine = paragon { rows = 1, columns = 2, release = param("release", "R1.4") },
  workload = { kind = "pingpong", size = param("workload.size", "0B"), rounds = 3 },
  sweep = {
    product = {
      release = releases,
      ["workload.size"] = { "0B", "16B", "64B", "256B", "1kB", "2kB", "4kB", "8kB", "16kB", "32kB",
                            "64kB", "128kB", "256kB", "512kB", "1000kB" },
    },
  },
  measures = { "one_way.mean", "bandwidth.mean" },
  figure = {
    x = "workload.size", y = "bandwidth.mean", by = "release", log = "xy",
    x_label = "message size", y_label = "rate",
    published = published,
    expectations = expectations,
  },
}
