-- Planes through a field of tiles on tapes: what is staged and mounted, by how the tiles lie in
-- files and on cartridges, and by the room on the disk.
--
--   psim figure hsm_tiles
--   psim run hsm_tiles -p dims=3 -p order=blocks
--
-- A program reads plane after plane of 64 x 64 tiles (2-D: a plane is a line of 64) or 16 x 16 x 16
-- (a plane has 256), across x, y or z, once through the field.  Files have 64 tiles: `rows` as many
-- as follow each other row by row, layer by layer, as a simulation writes them; `blocks` a square
-- of 8 x 8, or a cube of 4 x 4 x 4.  They lie in order on four cartridges, which are small so that
-- they are four; one drive; a file is staged whole; room for so many files.
--
-- Be F the files of a plane, P the planes one after the other that touch the same, G = 64 / F such
-- groups, C the room.  What goes is what was used least recently, so staged are
--
--   each file once          G F      F <= C
--   all for each plane      G P F    F > C: what comes next is what has just gone
--
-- and each pass over files that lie on several cartridges mounts them all again: with one drive, in
-- order, the last is in the drive when the first is wanted.
local staging = include "parts/staging.lua"

local files, cartridges = 64, 4
local dims, order = param("dims", 3), param("order", "rows")
local across, room = param("across", "z"), param("room", 24)
local side = dims == 2 and 64 or 16
local piece, tiles = 8, 64 -- KiB; of a file

-- The files that a plane touches, and how many planes after each other touch the same.
local function shape(d, o, axis)
  local n, b = d == 2 and 64 or 16, d == 2 and 8 or 4
  if o == "blocks" then return files * b // n, b end
  if axis == "z" then return files // n, 1 end
  if axis == "y" then return d == 2 and 1 or n, tiles // n end
  return files, n
end
local function staged(d, o, axis, c)
  local f, p = shape(d, o, axis)
  return files // f * f * (f > c and p or 1) * tiles * piece * 1024, f, p
end

-- Across the axis along which files follow each other a plane lies on one cartridge, else on all.
local function mounts(d, o, axis, c)
  local _, f, p = staged(d, o, axis, c)
  if axis == (d == 2 and "y" or "z") then return cartridges end
  return cartridges * (files // f) * (f > c and p or 1)
end

local axes = { [2] = { "x", "y" }, [3] = { "x", "y", "z" } }
local rooms = { 12, 24 }
local expectations = {}
local function exactly(measure, at, value)
  expectations[#expectations + 1] = {
    kind = "value", measure = measure, at = at, equals = value, within = 1e-6,
    citation = "derived: files of a plane, planes that touch the same, room",
  }
end
for d = 2, 3 do
  for _, o in ipairs { "rows", "blocks" } do
    for _, axis in ipairs(axes[d]) do
      for _, c in ipairs(rooms) do
        local at = { dims = d, order = o, across = axis, room = c }
        exactly("hsm.staged", at, (staged(d, o, axis, c)))
        exactly("pvl.mounts", at, mounts(d, o, axis, c))
      end
    end
  end
end

return {
  title = "Planes through tiles on tapes",
  machine = staging {
    drives = 1, volumes = cartridges, blocks = files * tiles * piece // (256 * cartridges),
    space = room * tiles * piece .. "KiB",
    hsm = { stage = "open", piece = "512KiB", start = 100, stop = 100 },
  },
  workload = {
    kind = "dataset", system = "files", nodes = 1, piece = piece .. "KiB", warmup = 0,
    settle = "4h", archive = "purge", requests = side,
    walk = {
      access = "planes", files = files, pieces = tiles, order = order, across = across,
      columns = side, rows = side, layers = dims == 2 and 1 or side,
    },
  },
  sweep = {
    product = {
      dims = { 2, 3 }, order = { "rows", "blocks" }, across = { "x", "y", "z" }, room = rooms,
    },
    constraint = function(p) return p.dims == 3 or p.across ~= "z" end,
  },
  measures = { "dataset.time.mean", "hsm.staged", "hsm.pulls", "pvl.mounts", "mover.locates" },
  figure = {
    x = "across", y = "dataset.time.mean", by = "order", log = "y",
    x_label = "planes across", y_label = "time of the walk",
  },
  expectations = expectations,
}
