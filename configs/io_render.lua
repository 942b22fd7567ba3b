-- Terrain rendering (RENDER) on the Paragon of Caltech: the gateway node reads the terrain by
-- asynchronous reads, so many ahead, and writes a file for each picture.
--
--   psim run io_render
--   psim run io_render -p workload.ahead=8
local applications = include "parts/applications.lua"

local nodes, system = param("nodes", 128), param("system", "pfs")
local frames = param("frames", 100)
local ahead = param("workload.ahead", 2)
local published = "Crandall, Aydt, Chien, Reed, Input/Output Characteristics of Scalable Parallel "
  .. "Applications, SC'95, table of RENDER, as recalled"

-- The table of operations: inputs of the skeleton, so they must come out.
local counted = {
  ["app.opens"] = 106, ["app.reads"] = 121, ["app.asyncs"] = 436, ["app.waits"] = 436,
  ["app.writes"] = 300, ["app.seeks"] = 4, ["app.closes"] = 101,
  ["app.read_bytes"] = 8457 + 880849125, ["app.write_bytes"] = 98305400,
}
local two = { ["workload.ahead"] = 2 }
local expectations
if system == "pfs" and frames == 100 then
  expectations = {
    { kind = "range", name = "waiting for the terrain takes the most of the time of operations",
      measure = "app.wait_share", at = two, min = 0.4, citation = published, confidence = "low" },
  }
  for name, number in pairs(counted) do
    expectations[#expectations + 1] = { kind = "value", name = name, measure = name, at = two,
      equals = number, within = 0, citation = published, calibrated = true }
  end
end

return {
  title = "Terrain rendering: long asynchronous reads, then a file a picture",
  machine = applications.caltech { system = system, nodes = nodes },
  workload = { kind = "render", nodes = nodes, system = system, ahead = ahead,
               frames = frames, compute = param("compute", "2s") },
  sweep = { product = { ["workload.ahead"] = { 1, 2, 4 } } },
  measures = { "render.terrain", "render.frames", "file.bandwidth", "app.wait_share",
               "app.write_share", "app.open_share", "app.read_share" },
  expectations = expectations,
  figure = {
    x = "workload.ahead", y = "render.terrain", x_label = "asynchronous reads under way",
    y_label = "time to read the terrain",
    expectations = {
      { kind = "ratio", name = "one ahead over none", at = { ["workload.ahead"] = 1 }, over = two,
        equals = 1.3, within = 0.1, guard = true },
      { kind = "ratio", name = "three ahead bring nothing more",
        at = { ["workload.ahead"] = 4 }, over = two, equals = 1, within = 0.1, guard = true },
    },
  },
}
