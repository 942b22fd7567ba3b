-- Files of 1 MiB go to tape, one after the other or several at a time.
--
--   psim figure hsm_side
--
-- An append is acknowledged when the drive has written it out, and then the tape stands: who sends
-- one file waits for that each time; what several have sent meanwhile goes on in one row.  With two
-- one is on the tape while the other has just ended, so nothing is won.
local staging = include "parts/staging.lua"

local function over(n, min, max, doc)
  return { kind = "ratio", name = n .. " at a time over one", measure = "hsm.migrations",
           at = { migrations = n }, over = { migrations = 1 }, min = min, max = max, doc = doc }
end

return {
  title = "Migrations side by side",
  machine = staging {
    space = "1GiB", disk = { kind = "disk" },
    hsm = { migrations = param("migrations", 1), poll = "1s", age = "30s" },
  },
  workload = {
    kind = "dataset", system = "files", nodes = 1, piece = "64KiB", warmup = 0, settle = "1s",
    requests = 200, think = "1s", walk = { access = "sweep", files = 128, pieces = 16 },
  },
  sweep = { product = { migrations = { 1, 2, 3, 4 } } },
  measures = { "hsm.migrations", "hsm.copy.mean", "hsm.at_once", "hsm.buffered" },
  figure = {
    x = "migrations", y = "hsm.migrations",
    x_label = "at a time", y_label = "files that are on tape after so long",
  },
  expectations = {
    over(2, 0.9, 1.1, "one waits for the drive while the other waits for its end"),
    over(4, 1.5, 2.0, "several share an end"),
    { kind = "range", name = "no more than so many", measure = "hsm.at_once",
      at = { migrations = 4 }, min = 4, max = 4 },
  },
}
