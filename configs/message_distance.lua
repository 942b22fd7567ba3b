-- Latency against distance on the mesh of a Paragon with 512 nodes, by release of the operating
-- system, and of the hardware alone (every price zero).  From node 0 to one so many channels away:
-- along its row of 32, then down the last column.
--
--   psim figure message_distance
local paragon = include "machines/paragon.lua"
local ROWS, COLUMNS = 16, 32
local FARTHEST = ROWS - 1 + COLUMNS - 1

local releases = { "hardware", "SUNMOS-1.6", "R1.4", "R1.2", "early" }
local release, hops = param("release", "R1.4", releases), param("hops", 1)
local router = "40 ns a router of the mesh, as recalled"

local function partner(n)
  local across = math.min(n, COLUMNS - 1)
  return across + (n - across) * COLUMNS
end

local expectations = {
  { kind = "range", name = "hardware: the longest way of 512 nodes",
    at = { release = "hardware", hops = FARTHEST }, max = "3.5us",
    citation = "derived: 46 routers of 40 ns, and the interfaces" },
}
for _, r in ipairs(releases) do
  expectations[#expectations + 1] = {
    kind = "linear", name = r .. ": 40 ns a channel", of = { release = r },
    ["until"] = FARTHEST, within = 0.01, slope = 40e-9, citation = router,
  }
  if r ~= "hardware" then
    expectations[#expectations + 1] = {
      kind = "ratio", name = r .. ": the longest way is below a tenth of the time",
      at = { release = r, hops = FARTHEST }, over = { release = r, hops = 1 }, max = 1.1,
      citation = "derived: 45 routers of 40 ns beside 25 to 100 us of software",
    }
  end
end

return {
  title = "Paragon: latency against distance",
  machine = paragon { rows = ROWS, columns = COLUMNS,
                      release = release == "hardware" and "R1.4" or release,
                      scale = release == "hardware" and 0 or nil },
  workload = { kind = "pingpong", size = param("size", "0B"), partner = partner(hops), rounds = 3 },
  sweep = { product = { release = releases, hops = { 1, 2, 8, 16, 31, FARTHEST } } },
  measures = { "one_way.mean" },
  figure = {
    x = "hops", y = "one_way.mean", by = "release", log = "y",
    x_label = "channels between routers", y_label = "one-way time",
    expectations = expectations,
  },
}
