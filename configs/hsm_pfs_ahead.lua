-- What a program over a parallel file system gains when it tells what it will read: its hints reach
-- the I/O nodes, and each stages its parts of the files while the program thinks.
--
--   psim figure hsm_pfs_ahead
--   psim run hsm_pfs_ahead -p system=vesta -p hints='{none,ahead}'
--
-- A data set of 12 files of 4 MiB, all of it on tape, is swept through once, with some seconds of
-- thinking for each MiB.  Reads on demand have each I/O node ask for a piece of its own part at a
-- time, and the tape goes to and fro between the parts.  Who is told all beforehand (list) asks for
-- long rows, so the tapes need a seventh of the time; and thinking and tapes overlap: the longer of
-- the two is left, not the sum.  A thread that is eight pieces ahead asks for shorter rows.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local drives, files, pieces = 2, 12, 4
local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 100, nil, "all", "service"
silo.cartridges = { count = 40 }

local system = param("system", "pfs", { "pfs", "vesta" })
local hints = param("hints", "none")
local think = param("think", 1)
local servers = services.list(services[system])
servers[2].files = {
  { layer = "hsm", prefetch = hints == "none" and "none" or param("prefetch", "hints"),
    piece = "512KiB", age = "20h", space = "64MiB" },
  { layer = "lfs", block = "64KiB" },
}

local citation = "Myllymaki & Livny, known by its result: the longer time, not the sum"
local expectations = {}
local function over(name, at, below, min, max)
  expectations[#expectations + 1] = {
    kind = "ratio", name = name, measure = "dataset.time.mean", at = at, over = below,
    min = min, max = max, citation = citation,
  }
end
for _, s in ipairs { "pfs", "vesta" } do
  local function point(h, t) return { system = s, hints = h, think = t } end
  over(s .. ": told of all, the tapes need less", point("list", 0), point("none", 0), nil, 0.25)
  over(s .. ": told of some, too", point("ahead", 0), point("none", 0), nil, 0.5)
  over(s .. ": 1 s: the tapes' time is left", point("list", 1), point("list", 0), 1, 1.2)
  expectations[#expectations + 1] = {
    measure = "dataset.time.mean", at = point("list", 4),
    min = 4 * files * pieces, max = 4 * files * pieces + 80, citation = citation,
    doc = s .. ": 4 s: the program's time is left, after the mounts for the first piece",
  }
end

return {
  title = "Hints through a parallel file system to its archive",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 2, storage = { kind = "raid3" }, libraries = { silo = silo },
    nodes = {
      tape = { last = drives, storage = merge(include("tapes/dlt4000.lua"), { cartridge = "" }) },
      service = { storage = { kind = "disk" } },
    },
    os = services.list(system == "pfs" and services.nx or {}, services.bitfiles {
      mover = { on = "tape" },
      storage = { volumes = 40, filled = 0, block = "64KiB", capacity = 2000 },
    }, servers),
  },
  workload = {
    kind = "dataset", system = system, nodes = 1, requests = files * pieces, warmup = 0,
    settle = "1min", archive = "purge", hints = hints, ahead = 8, think = think .. "s",
    piece = "1MiB", unit = "64KiB", walk = { access = "sweep", files = files, pieces = pieces },
  },
  sweep = { product = {
    system = { "pfs", "vesta" }, hints = { "none", "list", "ahead" }, think = { 0, 1, 4 },
  } },
  measures = { "dataset.time.mean", "hsm.misses", "hsm.staged", "hsm.pulls", "hsm.early" },
  figure = {
    x = "think", y = "dataset.time.mean", by = { "system", "hints" },
    x_label = "thinking, s for each MiB", y_label = "time of the sweep",
  },
  expectations = expectations,
}
