-- A data set that is twice as large as the disks that it lies on: PFS over an archive.  Each I/O
-- node migrates its parts of files to tape by age, purges them between two marks, and stages them
-- when a program reads them; the movers push to all I/O nodes of a file at once.
--
--   psim run hsm_pfs
--   psim run hsm_pfs -p stage=open        the whole part of a file, before its first read goes on
--   psim run hsm_pfs -p stage=none        reads come from tape, past the disks
--   psim run hsm_pfs -p space=64MiB       all of it has room: nothing comes from tape
--   psim run hsm_pfs -p archive=purge     the program has each file migrated and purged itself
--   psim run hsm_pfs -p archive=stage     and staged, before the first read
--   psim run hsm_pfs -p archive=pin -p workload.pinned=3      three files stay on the disks
--   psim run hsm_pfs -p system=vesta      files of Vesta, whose cells lie there; also vesta_on_pfs,
--                                         pfs_on_vesta, and each with all of the above
--   psim run hsm_pfs -p crash=7           an I/O node crashes (-p at=350s) and is back after 10 s;
--                                         13 is a mover, 2 has the archive's servers
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local drives = 2
local crash, at = param("crash", 0), param("at", "350s")

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 100, nil, "all", "service"
silo.cartridges = { count = 40 }

local system = param("system", "pfs", { "pfs", "vesta", "vesta_on_pfs", "pfs_on_vesta" })
local base = system == "vesta_on_pfs" and "pfs" or system
local servers = services.list(services[base])
servers[2].files = {
  { layer = "hsm", stage = param("stage", "demand"), piece = "256KiB",
    space = param("space", "8MiB"), start = 80, stop = 50, age = param("age", "20s"),
    poll = "10s" },
  { layer = "lfs", block = "64KiB" },
}

return {
  title = "A parallel file system over an archive on tapes",
  doc = "Files of PFS or Vesta are migrated, purged and staged by the nodes that have their parts.",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 2, storage = { kind = "raid3" }, libraries = { silo = silo },
    nodes = {
      tape = { last = drives, storage = merge(include("tapes/dlt4000.lua"), { cartridge = "" }) },
      service = { storage = { kind = "disk" } },
    },
    detector_delay = crash > 0 and "100ms" or nil,
    faults = crash > 0 and {
      { path = "node " .. crash, action = "crash", at = at, after = param("after", "10s") },
    } or nil,
    os = services.list(base == "pfs" and services.nx or {}, services.bitfiles {
      mover = { on = "tape" },
      storage = { volumes = 40, filled = 0, block = "64KiB", capacity = 2000 },
    }, servers),
  },
  workload = {
    kind = "dataset", system = system, nodes = 2, requests = 32, warmup = 0, settle = "1min",
    archive = param("archive", "none"), retries = crash > 0 and 1000 or 0,
    piece = "1MiB", unit = "64KiB", walk = { files = 16, pieces = 2 },
  },
  measures = {
    "hsm.wait.mean", "hsm.migrated", "hsm.purged", "hsm.staged", "hsm.hits", "hsm.misses",
    "hsm.direct",
  },
}
