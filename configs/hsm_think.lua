-- What prefetch from tape gains, by how long the program thinks between two pieces of a sweep.
--
--   psim figure hsm_think
--
-- A MiB of tape takes 0.7 s.  A program that does not think has nothing to overlap with: who asks
-- ahead can only disturb the order of the tape.  One that thinks for long hides all of the tape.
local staging = include "parts/staging.lua"

local strategies = {
  demand = { hsm = { stage = "demand" } },
  file = { hsm = { prefetch = "file" } },
  near = { hsm = { stage = "open", prefetch = "near" } },
  list = { hsm = { prefetch = "list" }, hints = "list" },
  ahead = { hsm = { prefetch = "hints" }, hints = "ahead" },
}
local steps = 128
local s = strategies[param("strategy", "demand", strategies)]

local function over(name, think, a, b, min, max)
  return { kind = "ratio", name = name, measure = "dataset.time.mean",
           at = { strategy = a, think = think }, over = { strategy = b, think = think },
           min = min, max = max }
end
local function at_least(policy, think)
  return { measure = "dataset.time.mean", at = { strategy = policy, think = think },
           min = steps * think / 1000, doc = "the program thinks so long" }
end

return {
  title = "A sweep through files on tapes",
  machine = staging { space = "128MiB", hsm = merge({ piece = "1MiB" }, s.hsm) },
  workload = {
    kind = "dataset", system = "files", nodes = 1, piece = "1MiB", warmup = 0, settle = "4h",
    requests = steps, think = param("think", 1000) .. "ms", hints = s.hints, ahead = 16,
    walk = { access = "sweep", files = 64, pieces = 8 },
  },
  sweep = { product = {
    strategy = { "demand", "file", "near", "list", "ahead" },
    think = { 0, 250, 500, 1000, 2000, 4000 },
  } },
  measures = { "dataset.time.mean", "hsm.misses", "hsm.staged", "hsm.pulls", "mover.locates" },
  figure = {
    x = "think", y = "dataset.time.mean", by = "strategy",
    x_label = "thinking, ms for each MiB", y_label = "time of the sweep",
  },
  expectations = {
    over("0.5 s: no less than overlap allows", 500, "near", "demand", 0.5, 0.8),
    over("4 s: the tape is hidden, and the program is left", 4000, "near", "demand", nil, 0.95),
    over("no thinking: a list does not help", 0, "list", "demand", 1, nil),
    at_least("near", 4000), at_least("near", 2000), at_least("list", 4000),
  },
}
