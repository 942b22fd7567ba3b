-- How many mounts do n requests take that fall anywhere on m cartridges, with one drive?  One by
-- one, in the order of arrival: 1 + (n - 1) (1 - 1/m).  All known at once, each cartridge mounted
-- for all that is wanted of it: m (1 - (1 - 1/m)^n).
--
--   psim figure tape_mounts
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local m, blocks = 20, 1000
local n, known = param("n", 20), param("known", "one by one", { "one by one", "all at once" })

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 200, nil, "all", "service"
silo.cartridges = { count = m, filled = m, blocks = blocks, block = "32KiB" }
local tape = merge(include("tapes/dlt4000.lua"), { cartridge = "" })

local function formula(count, how)
  if how == "one by one" then return 1 + (count - 1) * (1 - 1 / m) end
  return m * (1 - (1 - 1 / m) ^ count)
end

local expectations = {}
for _, count in ipairs { 10, 20, 50, 100 } do
  for _, how in ipairs { "one by one", "all at once" } do
    local mounts = formula(count, how)
    expectations[#expectations + 1] = {
      kind = "range", name = string.format("%d %s: %.2f mounts", count, how, mounts),
      at = { n = count, known = how }, min = mounts * 0.95, max = mounts * 1.05,
      citation = "derived: the formulas above",
    }
  end
end

return {
  title = "Mounts, by how much is known of what is wanted",
  doc = "Random restores from 20 cartridges with one drive.",
  machine = paragon {
    rows = 2, columns = 3, io_nodes = 1, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.archive {
      storage = { volumes = m, filled = m, block = "32KiB", blocks = blocks },
      pvl = { dismount_after = "0s", patience = "1000h" },
    }),
  },
  workload = {
    kind = "restore", nodes = 1, requests = n, law = "batch",
    batch = known == "one by one" and 1 or n, volumes = m, blocks = blocks, file = 1,
  },
  sweep = {
    replications = 20,
    product = { known = { "one by one", "all at once" }, n = { 1, 2, 5, 10, 20, 50, 100 } },
  },
  measures = { "pvl.mounts", "restore.time.max" },
  figure = {
    x = "n", y = "pvl.mounts", by = "known", log = "xy",
    x_label = "requests", y_label = "mounts", expectations = expectations,
  },
}
