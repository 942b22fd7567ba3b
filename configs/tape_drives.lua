-- How many drives, and how many arms?  The mean time until a cartridge is mounted, by drives, at
-- one load: with few drives requests wait for a drive, with many for the arm.
--
--   psim figure tape_drives
--   psim run tape_drives -p rate=120
--
-- Without the arm's and the drives' own times it is an M/M/c queue, whose wait is Erlang's C
-- formula times hold / (c - a).
local library = include "libraries/ibm3494.lua"
local rate, hold = param("rate", 220), 150  -- requests an hour; s
local drives, has = param("drives", 16), param("has", "1 arm")

library.drives, library.cartridges = drives, { count = 1600 }
library.arms = has == "2 arms" and 2 or 1
if has == "no time of its own" then
  library = merge(library, {
    speed = 1000000, acceleration = 0, lift_speed = 1000000, lift_acceleration = 0,
    turn = "0s", pick = "0s", place = "0s", read = "0s", load = "0s", unload = "0s",
  })
end

local function erlang(c, a)  -- chance to wait
  local term, sum = 1, 0
  for k = 0, c - 1 do
    sum = sum + term
    term = term * a / (k + 1)
  end
  local last = term * c / (c - a)
  return last / (sum + last)
end

local expectations = {
  { kind = "ratio", name = "with one arm more than 24 drives do not help",
    at = { has = "1 arm", drives = 32 }, over = { has = "1 arm", drives = 24 },
    min = 0.95, max = 1.05, citation = "derived: the arm is what is waited for" },
  { kind = "ratio", name = "a second arm does",
    at = { has = "2 arms", drives = 32 }, over = { has = "1 arm", drives = 32 },
    max = 0.8, citation = "derived: an arm is busy for most of the time" },
}
local a = 220 * hold / 3600
for _, c in ipairs { 11, 12, 13 } do
  local wait = erlang(c, a) * hold / (c - a)
  expectations[#expectations + 1] = {
    kind = "range", name = string.format("Erlang C, %d drives: %.2f s", c, wait),
    at = { has = "no time of its own", drives = c },
    min = string.format("%dms", wait * 850 // 1), max = string.format("%dms", wait * 1150 // 1),
    citation = "Kleinrock, Queueing Systems 1, 1975: M/M/c",
  }
end

return {
  title = "Until a cartridge is mounted, by drives and arms",
  doc = "An aisle with 1600 cartridges, requests at exponential intervals, used for 150 s.",
  libraries = { aisle = library },
  workload = {
    kind = "library_load", gap = string.format("%.0fms", 3600000 / rate), hold = hold .. "s",
    requests = param("requests", 40000), warmup = 2000,
  },
  sweep = { product = {
    has = { "1 arm", "2 arms", "no time of its own" }, drives = { 11, 12, 13, 14, 16, 20, 24, 32 },
  } },
  measures = { "wait.mean", "wait.drive.mean", "wait.arm.mean" },
  figure = {
    x = "drives", y = "wait.mean", by = "has", log = "y",
    x_label = "drives", y_label = "mean time until the cartridge is mounted",
    expectations = expectations,
  },
}
