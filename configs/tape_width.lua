-- How wide should a file be striped?  Nothing comes before all of its w cartridges are mounted,
-- and one arm mounts one after the other: with t for a mount, a drive of rate B and F bytes it is
-- there after w t + load + F / (w B).  Two are better than one from F = 2 t B on.
--
--   psim figure tape_width
--
-- The arm takes no time for its ways here, and 10 s to pick and 10 s to place; the manual of HPSS
-- has 20 s and 10 MB/s as its example, so a file of 400 MB is where two begin to win.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local t, load, B = 20, 10, 10   -- s, s, MB/s
local width, megabytes = param("width", 1), param("file", 400)
local block = 1                 -- MB

local silo = merge(include("libraries/stk4400.lua"), {
  cells = 200, tape_drives = "all", control = "service", hands = 1,
  pick = "10s", place = "10s", read = "0s", turn = "0s",
  speed = 1000000, acceleration = 0, lift_speed = 1000000, lift_acceleration = 0,
})
silo.drives = nil
local blocks = megabytes // block
silo.cartridges = { count = width, filled = width, blocks = blocks // width, block = "1MB" }
local tape = {
  kind = "tape", cartridge = "", load = load .. "s", largest = "1MB",
  format = { layout = "linear", tracks = 1, track = "20GB", gap = "0B", rate = B .. "MB/s" },
  buffer = { size = "4MB" }, interface = "100MB/s", command = "0s", command_streaming = "0s",
}

local sizes = { 100, 200, 400, 800, 1600 }
local expectations = {}
for _, w in ipairs { 1, 2, 4, 8 } do
  for _, F in ipairs(sizes) do
    local T = w * t + load + F / (w * B)
    expectations[#expectations + 1] = {
      kind = "range", name = string.format("%d wide, %d MB: %.1f s", w, F, T),
      at = { width = w, file = F }, min = string.format("%dms", T * 980 // 1),
      max = string.format("%dms", T * 1030 // 1),
      citation = "derived: w t + load + F / (w B); t and B: HPSS 6.2 p. 104, its example",
    }
  end
end

return {
  title = "A file from a stripe of tapes, by its width",
  doc = "One read of a whole file from cartridges that are all in their cells.",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 8, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.archive {
      storage = { volumes = 1, filled = 1, width = width, block = "1MB", blocks = blocks },
      mover = { buffers = 4 },
    }),
  },
  workload = {
    kind = "restore", nodes = 1, requests = 1, volumes = 1, blocks = blocks, file = blocks,
  },
  sweep = { product = { width = { 1, 2, 4, 8 }, file = sizes } },
  measures = { "restore.time.max", "pvl.mounts", "mover.blocks" },
  figure = {
    x = "file", y = "restore.time.max", by = "width", log = "xy",
    x_label = "MB of the file", y_label = "time until it is there", expectations = expectations,
  },
}
