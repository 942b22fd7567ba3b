-- Files of one server whose disk has room for a quarter of them: the rest lies on tape.  Two
-- programs bring a data set there, and then read files as they are popular (Zipf).
--
--   psim run hsm_files
--   psim run hsm_files -p replace=random    what an order of purges must be better than
--   psim run hsm_files -p stage=open
--   psim run hsm_files -p crash=8         the server crashes (-p at=350s) and is back after 10 s;
--                                         11 is a mover, 1 has the archive's servers
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 100, nil, "all", "service"
silo.cartridges = { count = 20 }

local crash, at = param("crash", 0), param("at", "350s")
local files = services.list(services.files)
files[2].files = {
  { layer = "hsm", stage = param("stage", "demand"), replace = param("replace", "lru"),
    piece = "512KiB", space = "16MiB", start = 90, stop = 60, age = "10s", poll = "5s" },
  { layer = "lfs", block = "64KiB" },
}

return {
  title = "A file server over an archive on tapes",
  doc = "Files of one server are migrated to tape, purged, and staged when they are read.",
  machine = paragon {
    rows = 4, columns = 3, io_nodes = 1, storage = { kind = "raid3" }, libraries = { silo = silo },
    nodes = {
      tape = { last = 1, storage = merge(include("tapes/dlt4000.lua"), { cartridge = "" }) },
      service = { storage = { kind = "disk" } },
    },
    detector_delay = crash > 0 and "100ms" or nil,
    faults = crash > 0 and {
      { path = "node " .. crash, action = "crash", at = at, after = param("after", "10s") },
    } or nil,
    os = services.list(files, services.bitfiles {
      mover = { on = "tape" },
      storage = { volumes = 20, filled = 0, block = "64KiB", capacity = 2000 },
    }),
  },
  workload = {
    kind = "dataset", system = "files", nodes = 2, requests = 60, warmup = 0, settle = "5min",
    retries = crash > 0 and 1000 or 0,
    piece = "512KiB", walk = { files = 32, pieces = 4, access = "zipf" },
  },
  measures = {
    "hsm.wait.mean", "hsm.purged", "hsm.staged", "hsm.hits", "hsm.misses", "pvl.mounts",
  },
}
