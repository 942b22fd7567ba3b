-- What a disk cache of files hits, by its size and by which file goes: reads of whole files by
-- popularity, without devices.
--
--   psim figure hsm_hits
--
-- `alike`: files of one size, for which no policy can hit more than `hits.best` (the one goes that
-- is wanted last again [Belady 1966]).  `sizes`: log-normal ones, with the median and the mean of
-- NERSC in 2003; to keep many small files is good for the part of the reads that hit, and bad for
-- the part of the bytes.
local paragon = include "machines/paragon.lua"

local files = param("files", "alike", { "alike", "sizes" })

local function ratio(name, at, over, min, max, measure, citation)
  return { kind = "ratio", name = name, measure = measure, at = at, over = over, min = min,
           max = max, citation = citation }
end
local function case(what, policy, part)
  return { files = what, ["workload.replace"] = policy, ["workload.part"] = part }
end
local function che(part, value)
  return {
    kind = "value", name = "files alike, lru, room for " .. part, measure = "hits.ratio",
    at = case("alike", "lru", part), equals = value, within = 0.04,
    citation = "Che, Tung & Wang 2002: the characteristic time of LRU under independent reads",
  }
end

return {
  title = "Hits of a disk cache of files",
  machine = paragon { rows = 2, columns = 2 },
  workload = {
    kind = "hits", replace = "lru", part = 0.1, sigma = files == "sizes" and 2.6 or 0,
    walk = { access = "zipf", files = 1000, pieces = 1, alpha = 0.8 },
    reads = 20000, warmup = files == "sizes" and 5000 or 0,
  },
  sweep = { product = {
    files = { "alike", "sizes" },
    ["workload.replace"] = { "lru", "stp", "stp14", "gds", "size", "random" },
    ["workload.part"] = { 0.01, 0.02, 0.05, 0.1, 0.2, 0.5 },
  } },
  measures = { "hits.ratio", "hits.bytes", "hits.best", "hits.purged" },
  figure = {
    x = "workload.part", y = "hits.ratio", by = "workload.replace", where = { files = "sizes" },
    log = "x", x_label = "room, as a part of all files", y_label = "part of the reads that hit",
  },
  expectations = {
    che(0.01, 0.0816), che(0.1, 0.3778), che(0.5, 0.7697),
    ratio("files alike: any file over the one idle longest", case("alike", "random", 0.1),
      case("alike", "lru", 0.1), nil, 0.95, "hits.ratio"),
    ratio("unlike: size x time over time", case("sizes", "stp", 0.1), case("sizes", "lru", 0.1),
      1, nil, "hits.ratio", "Smith, CACM 1981: purge what has the largest size x age"),
    ratio("unlike: GreedyDual-Size over size x time", case("sizes", "gds", 0.05),
      case("sizes", "stp", 0.05), 1, nil, "hits.ratio", "Cao & Irani 1997"),
    ratio("unlike: the bytes that hit, GreedyDual-Size over lru", case("sizes", "gds", 0.1),
      case("sizes", "lru", 0.1), nil, 1, "hits.bytes",
      "Cao & Irani 1997: equal costs favour many small files over bytes"),
  },
}
