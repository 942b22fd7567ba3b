-- The arm alone as a queue: moves of one length at exponential intervals are an M/D/1 queue, whose
-- mean wait is rho t / (2 (1 - rho)).
--
--   psim figure library_robot
--
-- Drives are so many that nobody waits for one, cartridges so many that nobody waits for one, and
-- each is given back after a time that does not matter: a mount and a dismount are two customers.
local t = 10  -- s: 5 to pick, 5 to place
local rho = param("rho", 0.5)

local function wait(r)
  return r * t / (2 * (1 - r))
end

local expectations = {}
for _, r in ipairs { 0.1, 0.3, 0.5, 0.7, 0.8 } do
  expectations[#expectations + 1] = {
    kind = "range", name = string.format("rho %.1f: %.3f s", r, wait(r)), at = { rho = r },
    min = string.format("%dms", wait(r) * 930 // 1),
    max = string.format("%dms", wait(r) * 1070 // 1),
    citation = "Kleinrock, Queueing Systems 1, 1975: M/D/1",
  }
end

return {
  title = "The wait for an arm, by how busy it is",
  doc = "A rail whose arm takes 10 s for any move; as many drives as could be in use.",
  libraries = {
    rail = {
      kind = "rail", cells = 20000, rows = 100, columns = 100, walls = 2, drives = 900, arms = 1,
      drive_rows = 100, speed = 1000000, acceleration = 0, lift_speed = 1000000,
      lift_acceleration = 0, turn = "0s", pick = "5s", place = "5s", read = "0s", load = "0s",
      unload = "0s", cartridges = { count = 20000 },
    },
  },
  workload = {
    kind = "library_load", gap = string.format("%.0fms", 2 * t * 1000 / rho), hold = "30min",
    requests = 30000, warmup = 1000,
  },
  sweep = { product = { rho = { 0.1, 0.3, 0.5, 0.7, 0.8 } } },
  measures = { "wait.arm.mean", "wait.drive.mean" },
  figure = {
    x = "rho", y = "wait.arm.mean",
    x_label = "part of the time in which the arm works", y_label = "mean wait for it",
    expectations = expectations,
  },
}
