-- What is fetched ahead, what of that is read, and what is purged unread: policies of prefetch on
-- six walks through a data set, at the level of references, without devices.
--
--   psim figure hsm_ahead
--   psim run hsm_ahead -p wrong=0.3      of the hints of a program 30 % name another file
--
-- 256 files of 8 pieces, room for a fifth of them, purged from 95 to 70 per cent.  A program says
-- 24 steps ahead what it will read, where a policy listens.  What is fetched is there at once, so
-- this is the most that a policy can hit, not the time that it gains.
--
--   sweep      all pieces of all files in order, again and again
--   tiles      the tiles that come into a view which moves through a field of 64 x 32
--   files      any file by popularity, all of it
--   sets       sets of 8 files by popularity, side by side
--   scattered  the same, their files anywhere
--   random     any file, all of it
local paragon = include "machines/paragon.lua"

local walks = {
  sweep = { access = "sweep" },
  tiles = { access = "tiles", columns = 64, rows = 32, view = 4 },
  files = { access = "zipf", alpha = 0.8 },
  sets = { access = "zipf", alpha = 0.8, run = 8, scattered = false },
  scattered = { access = "zipf", alpha = 0.8, run = 8 },
  random = { access = "zipf", alpha = 0 },
}
local walk = param("walk", "sweep", { "sweep", "tiles", "files", "sets", "scattered", "random" })
local prefetch = param("prefetch", "none")

local function case(name, policy) return { walk = name, prefetch = policy } end
local function more(what, name, policy, over, min, max, measure)
  return { kind = "ratio", name = name .. ": " .. what, measure = measure or "hits.ratio",
           at = case(name, policy), over = case(name, over), min = min, max = max }
end

return {
  title = "What prefetch hits, and what it wastes",
  machine = paragon { rows = 2, columns = 2 },
  workload = {
    kind = "hits", prefetch = prefetch, part = 0.2, high = 0.95, low = 0.7,
    walk = merge({ files = 256, pieces = 8 }, walks[walk]),
    reads = 20000, warmup = 4096,
    hints = prefetch == "hints" or prefetch == "list", ahead = 24, wrong = param("wrong", 0),
  },
  sweep = { product = {
    walk = { "sweep", "tiles", "files", "sets", "scattered", "random" },
    prefetch = { "none", "next", "file", "near", "set", "last", "hints", "list" },
  } },
  measures = {
    "hits.ratio", "hits.ahead", "hits.ahead_used", "hits.ahead_wasted", "hits.ahead_refused",
    "hits.again",
  },
  figure = {
    x = "prefetch", y = "hits.ratio", by = "walk", y_label = "part of the reads that hit",
  },
  expectations = {
    more("no purge helps a sweep larger than the room", "sweep", "none", "list", nil, 0.01),
    more("the list against the whole file", "sweep", "list", "file", 1.1, nil),
    more("neighbours do harm", "files", "near", "none", nil, 0.8),
    more("so does the last successor, where none is right", "files", "last", "none", nil, 1),
    more("neighbours do harm where sets lie anywhere", "scattered", "near", "none", nil, 0.9),
    more("and help where they are side by side", "sets", "near", "none", 2.5, nil),
    more("who knows the set does not care where", "scattered", "set", "none", 2.5, nil),
    more("what neighbours fetch, over no prefetch", "random", "near", "none", 2.5, nil,
      "hits.again"),
    more("the last successor does not care where", "scattered", "last", "none", 2.5, nil),
    more("what neighbours fetch, over no prefetch", "files", "near", "none", 3, nil, "hits.again"),
  },
}
