-- Bulk data between tasks of a node by Mach IPC: in line against memory out of line, by size.
--
--   psim run mach_bulk
--   psim run mach_bulk -p workload.again=true           -- the client writes each page anew
--   psim figure mach_bulk
--
-- In line each byte is copied twice.  Out of line a page costs a fault and an entry in the map
-- where it is read, a copy more where it is written, and nothing where nobody looks at it; when the
-- memory goes with the message (moved), the client makes it anew for each call, outside of the
-- time.  Each call takes what the work costs that the code names, to the picosecond.  So memory
-- that is passed on untouched wins from some hundred bytes on; where each page is looked at, it is
-- the price of a fault against that of two copies of a page, whatever the size.
local paragon = include "machines/paragon.lua"
local formula = include "parts/formula.lua"

local series = {
  ["in line"] = { how = "in_line", use = "reads" },
  ["memory, untouched"] = { how = "memory", use = "nothing" },
  ["memory, read"] = { how = "memory", use = "reads" },
  ["memory, written"] = { how = "memory", use = "writes" },
  ["moved, read"] = { how = "moved", use = "reads" },
}
local one = series[param("series", "memory, read", series)]
local size = param("workload.size", "64KiB")
local how = param("workload.how", one.how, { "in_line", "memory", "moved" })
local use = param("workload.use", one.use, { "nothing", "reads", "writes" })
local again = param("workload.again", false)
local page = param("workload.page", "4KiB")
local scale = param("machine.prices.scale", 1)
local machine = paragon {
  rows = 1, columns = 1, release = param("release", "R1.4"), scale = scale,
  os = { { service = "mach" } },
}

-- ---- the formula, in picoseconds ----
local cost, bytes = formula.costs(machine, scale), formula.bytes
local function call(n)
  local pages = (n + bytes(page) - 1) // bytes(page)
  local request = how == "in_line" and 24 + 4 + (n + 3) // 4 * 4 or 24 + 4 + 4
  local t = 2 * cost("trap", 1) + 10 * cost("lookup", 1) + 2 * cost("switch", 1) + cost("rpc", 1)
          + 2 * cost("copy", request) + 2 * cost("copy", 24 + 4 + 4)
  if how == "in_line" then return t end
  t = t + cost("trap", 1) + cost("alloc", 1)                -- the new region, and its end
  if how == "moved" then
    t = t + pages * cost("invalidate", 1)                   -- the client has it no more
  elseif again then
    t = t + pages * cost("map", 1)                          -- protected anew
  end
  if use == "nothing" then return t end
  t = t + pages * (cost("fault", 1) + cost("map", 1) + cost("invalidate", 1))
  if use == "writes" and how == "memory" then t = t + pages * cost("copy", bytes(page)) end
  return t
end

local sizes = { "64B", "256B", "1KiB", "4KiB", "16KiB", "64KiB", "256KiB", "1MiB" }
local names, expectations = {}, {}
for name in pairs(series) do names[#names + 1] = name end
table.sort(names)
for _, n in ipairs(sizes) do
  for _, name in ipairs(names) do
    expectations[#expectations + 1] = {
      kind = "range", name = n .. " " .. name .. ": the formula's time",
      measure = "difference.mean", at = { ["workload.size"] = n, series = name }, min = 0, max = 0,
      citation = "derived: the closed form, to the picosecond",
    }
  end
end

return {
  title = "Bulk data by Mach IPC, in line and out of line",
  doc = "Time of a call with so many bytes, by how they go and what the server does with them.",
  machine = machine,
  workload = {
    kind = "mach_bulk", size = size, how = how, use = use, again = again, page = page,
    formula = call(bytes(size)) .. "ps",
  },
  sweep = { product = { ["workload.size"] = sizes, series = names } },
  measures = {
    "mach_bulk.time.mean", "mach_bulk.rate.mean", "difference.mean", "mach.copied", "vm.copied",
  },
  expectations = expectations,
  figure = {
    x = "workload.size", y = "mach_bulk.time.mean", by = "series", log = "xy",
    x_label = "bytes of a call", y_label = "time of a call",
    expectations = {},
  },
}
