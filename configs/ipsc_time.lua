-- Message time on the iPSC/860 against size and distance, beside Bokhari's fit:
--     up to 100 bytes   65 + 0.425 n + 10.0 h us
--     above            147 + 0.39  n + 30.5 h us      h: channels beyond the first
-- The step of 80 us between 100 and 101 bytes, and the three times as steep growth with distance
-- above it, come from the reservation that long messages make first.
local ipsc860 = include "machines/ipsc860.lua"
local CITE = "S. Bokhari, ICASE, 1990 (fit quoted from memory)"

local sizes = { 0, 20, 60, 100, 101, 200, 500, 1000, 2000, 4000, 8000 }
local partners = { 1, 3, 15, 127 } -- 1, 2, 4 and 7 channels from node 0

local function fit(n, h)
  return n <= 100 and 65 + 0.425 * n + 10.0 * h or 147 + 0.39 * n + 30.5 * h
end
local function bytes(n) return n .. "B" end
local extra = { [1] = 0, [3] = 1, [15] = 3, [127] = 6 }

local expectations, published, texts = {}, {}, {}
for _, n in ipairs(sizes) do texts[#texts + 1] = bytes(n) end
for _, p in ipairs(partners) do
  local points = {}
  for _, n in ipairs(sizes) do
    local t = string.format("%.3fus", fit(n, extra[p]))
    points[#points + 1] = { bytes(n), t }
    expectations[#expectations + 1] = {
      kind = "value", name = string.format("%d B over %d channels", n, extra[p] + 1),
      at = { ["workload.partner"] = p, ["workload.size"] = bytes(n) },
      equals = t, within = 0.05, calibrated = true, citation = CITE,
    }
  end
  published[#published + 1] = { name = "Bokhari's fit, to node " .. p, of = p, points = points,
                                citation = CITE, confidence = "medium" }
end
expectations[#expectations + 1] = {
  kind = "ratio", name = "one byte more than 100 costs 1.7 times as much",
  at = { ["workload.partner"] = 1, ["workload.size"] = "101B" },
  over = { ["workload.partner"] = 1, ["workload.size"] = "100B" }, min = 1.65, max = 1.85,
  citation = CITE,
}

return {
  title = "iPSC/860: message time by size and distance",
  doc = "The echo test on a 7-cube; constants are calibrated, the step at 100 B is a protocol's.",
  machine = ipsc860 { dimension = 7 },
  workload = { kind = "pingpong", size = param("workload.size", "0B"),
               partner = param("workload.partner", 1), rounds = 3 },
  sweep = { product = { ["workload.partner"] = partners, ["workload.size"] = texts } },
  measures = { "one_way.mean" },
  figure = {
    x = "workload.size", y = "one_way.mean", by = "workload.partner", log = "y",
    x_label = "message size", y_label = "one-way time",
    published = published,
    expectations = expectations,
  },
}
