-- What a stored TB costs, and what one waits for it: a library with ever more cartridges at the
-- same load a cartridge, by how many drives there are for them.
--
--   psim figure tape_cost
--   psim run tape_cost -p drive=500 -p cartridge=2       your own prices
--
-- psim knows no prices: those here are examples, a cartridge being 1.  Few drives are cheap, and
-- their queue is long; what lies in a library that is nearly empty is dear.
local library = include "libraries/ibm3494.lua"
local cartridges, drives = param("cartridges", 1600), param("drives", 8)
local prices = {
  cartridge = param("cartridge", 1), drive = param("drive", 300), cell = param("cell", 2),
  hand = param("hand", 1000), capacity = "10GB", -- 3590
}
library.cartridges, library.drives = { count = cartridges }, drives

local function cost(n, d)
  local p = prices
  return (p.cell * 1600 + p.cartridge * n + p.drive * d + p.hand * library.arms * library.hands)
    / (n / 100)
end

local expectations = {
  { kind = "ratio", name = "one drive more, much less waiting", measure = "wait.mean",
    at = { cartridges = 1600, drives = 8 }, over = { cartridges = 1600, drives = 7 }, max = 0.7,
    doc = "seven drives are in use for nearly nine tenths of the time" },
}
for _, d in ipairs { 7, 16 } do
  for _, n in ipairs { 200, 1600 } do
    expectations[#expectations + 1] = {
      kind = "range", name = string.format("%d cartridges, %d drives", n, d),
      at = { cartridges = n, drives = d }, min = cost(n, d) * 0.999, max = cost(n, d) * 1.001,
      doc = "the sum of the prices over what the cartridges hold",
    }
  end
end

return {
  title = "What a stored TB costs",
  doc = "An aisle of 1600 cells; each cartridge is asked for every 13 hours, and used for 150 s.",
  libraries = { aisle = library },
  workload = {
    kind = "library_load", gap = string.format("%.0fms", 1600 / cartridges * 30000), hold = "150s",
    requests = param("requests", 20000), warmup = 1000, prices = prices,
  },
  sweep = { product = { cartridges = { 200, 400, 800, 1600 }, drives = { 7, 8, 12, 16 } } },
  measures = { "cost", "wait.mean", "wait.p95" },
  figure = {
    x = "cartridges", y = "cost", by = "drives", log = "xy",
    x_label = "cartridges of 10 GB", y_label = "price of a TB (a cartridge is 1)",
    expectations = expectations,
  },
}
