-- The time of six walks through a data set on tapes, by how files are staged: on demand, whole, and
-- ahead of the program by eight rules.
--
--   psim figure hsm_prefetch
--   psim run hsm_prefetch -p walk=tiles -p strategy='{demand,open}'
--
-- 64 files of 8 MiB on 256 MB cartridges of DLT 4000, two drives, room for a quarter of them on the
-- disk.  A program thinks about as long as the tape takes: 1 s for each piece of a sweep, 4 s for a
-- view of tiles, 8 s for a file.  `near` stages what lies behind a file on its cartridge, `set` the
-- next of its data set, `last` what followed it the last time; `ahead` goes through its index
-- computations ahead of it; `lies` does, and names another file in 30 % of the hints.
--
-- What is asked for ahead is done behind what somebody waits for, if there is room; but a drive
-- that has begun does not turn back.
local staging = include "parts/staging.lua"

local walks = {
  sweep = { access = "sweep" },
  tiles = { access = "tiles", columns = 32, rows = 16, view = 3 },
  sets = { access = "zipf", alpha = 0.8, run = 4, scattered = false },
  scattered = { access = "zipf", alpha = 0.8, run = 4 },
  files = { access = "zipf", alpha = 0.8 },
  random = { access = "zipf", alpha = 0 },
}
local steps = { sweep = 128, tiles = 96 }
local thinks = { sweep = 1, tiles = 4 }
local strategies = {
  demand = { hsm = { stage = "demand" } },
  open = { hsm = { stage = "open" } },
  next = { hsm = { prefetch = "next" } },
  file = { hsm = { prefetch = "file" } },
  near = { hsm = { stage = "open", prefetch = "near" } },
  set = { hsm = { stage = "open", prefetch = "set" } },
  last = { hsm = { stage = "open", prefetch = "last" } },
  list = { hsm = { prefetch = "list" }, hints = "list" },
  ahead = { hsm = { prefetch = "hints" }, hints = "ahead" },
  lies = { hsm = { prefetch = "hints" }, hints = "ahead", wrong = 0.3 },
}
local walk = param("walk", "sweep", { "sweep", "tiles", "sets", "scattered", "files", "random" })
local s = strategies[param("strategy", "demand", strategies)]

local function over(what, name, a, b, min, max, measure)
  return { kind = "ratio", name = name .. ": " .. what,
           measure = measure or "dataset.time.mean",
           at = { walk = name, strategy = a }, over = { walk = name, strategy = b },
           min = min, max = max }
end
-- Two things that take turns take at most twice as long as when they overlap: so much can staging
-- ahead gain, against the same staging when it is asked for, whatever it foretells.
local whole = { file = true, near = true, set = true, last = true }
local expectations = {}
for _, name in ipairs { "sweep", "tiles", "sets", "scattered", "files", "random" } do
  for _, strategy in ipairs { "next", "file", "near", "set", "last", "list", "ahead", "lies" } do
    expectations[#expectations + 1] = {
      kind = "ratio", name = name .. ": " .. strategy .. ": no more than overlap allows",
      measure = "dataset.time.mean", at = { walk = name, strategy = strategy },
      over = { walk = name, strategy = whole[strategy] and "open" or "demand" }, min = 0.5,
      citation = "Myllymaki & Livny, known by its result: the longer time, not the sum",
    }
  end
end
local function more(...) expectations[#expectations + 1] = over(...) end
more("files after it, while it is read", "sweep", "near", "demand", nil, 0.8)
more("the file that is read, while it is read", "sweep", "file", "demand", nil, 0.9)
more("pieces from everywhere turn the tape", "sweep", "lies", "demand", 3, nil)
more("whole files", "tiles", "open", "demand", nil, 0.8)
more("neighbours mean nothing", "scattered", "near", "demand", 1.2, nil)
more("what neighbours stage", "scattered", "near", "demand", 2, nil, "hsm.staged")
more("pre-execution", "scattered", "ahead", "demand", nil, 1)

return {
  title = "Walks through a data set on tapes",
  machine = staging { space = "128MiB", hsm = merge({ piece = "1MiB" }, s.hsm) },
  workload = {
    kind = "dataset", system = "files", nodes = 1, piece = "1MiB", warmup = 0, settle = "4h",
    requests = steps[walk] or 24, think = (thinks[walk] or 8) .. "s",
    hints = s.hints, wrong = s.wrong, ahead = walk == "sweep" and 16 or 2,
    walk = merge({ files = 64, pieces = 8 }, walks[walk]),
  },
  sweep = { product = {
    walk = { "sweep", "tiles", "sets", "scattered", "files", "random" },
    strategy = {
      "demand", "open", "next", "file", "near", "set", "last", "list", "ahead", "lies",
    },
  } },
  measures = {
    "dataset.time.mean", "hsm.misses", "hsm.staged", "hsm.early", "hsm.early_used",
    "hsm.early_wasted", "hsm.purges", "pvl.mounts", "mover.locates",
  },
  figure = {
    x = "strategy", y = "dataset.time.mean", by = "walk", log = "y",
    y_label = "time of the walk",
  },
  expectations = expectations,
}
