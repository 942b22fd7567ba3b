-- A view that moves through a field of tiles on tapes, by the room on the disk.
--
--   psim figure hsm_space
--
-- 64 files of 8 tiles; with room for all of them nothing is staged.  Whole files bring tiles that
-- the view comes to later; files made next to one another do not lie side by side in the field, and
-- take the room of what the view comes back to.
local staging = include "parts/staging.lua"

local strategies = {
  demand = { hsm = { stage = "demand" } },
  open = { hsm = { stage = "open" } },
  near = { hsm = { stage = "open", prefetch = "near" } },
  ahead = { hsm = { prefetch = "hints" }, hints = "ahead" },
}
local s = strategies[param("strategy", "demand", strategies)]

local function over(name, space, a, b, min, max, measure)
  return { kind = "ratio", name = name, measure = measure or "dataset.time.mean",
           at = { strategy = a, space = space }, over = { strategy = b, space = space },
           min = min, max = max }
end

return {
  title = "Tiles from tape",
  machine = staging {
    space = param("space", 128) .. "MiB", hsm = merge({ piece = "1MiB" }, s.hsm),
  },
  workload = {
    kind = "dataset", system = "files", nodes = 1, piece = "1MiB", warmup = 0, settle = "4h",
    requests = 100, think = "4s", hints = s.hints, ahead = 2,
    walk = { access = "tiles", files = 64, pieces = 8, columns = 32, rows = 16, view = 3 },
  },
  sweep = { product = {
    strategy = { "demand", "open", "near", "ahead" },
    space = { 32, 64, 128, 256, 384, 576 },
  } },
  measures = {
    "dataset.time.mean", "hsm.misses", "hsm.staged", "hsm.pulls", "mover.locates", "pvl.mounts",
  },
  figure = {
    x = "space", y = "dataset.time.mean", by = "strategy", log = "xy",
    x_label = "room on the disk, MiB of 512", y_label = "time of 100 views",
  },
  expectations = {
    over("a quarter: whole files", 128, "open", "demand", nil, 0.8),
    over("a sixteenth: files next to them do harm", 32, "near", "demand", 1.5, nil),
    over("what they stage", 32, "near", "demand", 5, nil, "hsm.staged"),
    over("room for all: it does not matter", 576, "near", "demand", 0.99, 1.01),
  },
}
