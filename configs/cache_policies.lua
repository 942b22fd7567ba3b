-- What a cache of blocks misses, by its size and by which block goes: one program reads a file of
-- its node's disk, a block a request, through the layer cache.
--
--   psim figure cache_policies
--   psim figure cache_policies -p shown=loop      (walk, zipf, uniform, columns)
--   psim figure cache_policies -p owner=lfs
--   psim figure cache_policies -p owner=vesta_store
--
-- owner: whose blocks they are, in the one store of blocks that all have: those of the layer cache,
-- the buffers of lfs, or those of the stores of Vesta
--
-- pattern: loop      160 blocks in order, again and again
--          columns   an array of 200 rows of 20 elements of 256 bytes, column by column
--          zipf      600 blocks, the i-th as often as 1/i
--          uniform   400 blocks, all alike
--          walk      by turns one of 32 hot blocks and the next of a walk through 2,000 others
--
-- What lru must miss stands here, computed from the definition of the stream by its stack distances
-- [Mattson, Gecsei, Slutz & Traiger 1970] (scripts/stack-distance): a request misses where as many
-- other blocks as the cache has were asked for since its block was.
local paragon = include "machines/paragon.lua"

local KiB = 1024
local requests = 4000
local patterns = { "loop", "columns", "zipf", "uniform", "walk" }
local policy, pattern = param("policy", "lru"), param("pattern", "walk", patterns)
local blocks = param("blocks", 64)
local owner = param("owner", "layer", { "layer", "lfs", "vesta_store" })
local counted = owner == "layer" and "cache.misses" or owner .. ".buffer_misses"
local hits = owner == "layer" and "cache.hits" or owner .. ".buffer_hits"
local stacks = {
  layer = {
    { layer = "cache", bytes = 4 * KiB * blocks .. "B", block = "4KiB", policy = policy,
      read_ahead = "none" },
    { layer = "lfs", block = "4KiB" },
  },
  lfs = { { layer = "lfs", block = "4KiB", buffered = true, cache = blocks, policy = policy,
            read_ahead_policy = "none" } },
  vesta_store = { { layer = "vesta_store", block = "4KiB", cache = blocks, policy = policy,
                    read_ahead_policy = "none" } },
}

local again = pattern == "loop" or pattern == "columns" -- a program that knows says so

-- Which bytes, by pattern.
local ways = {
  loop = { access = "partitioned", span = 160, size = 4 * KiB },
  columns = { access = "array", size = 256,
              shape = { distribution = "nb", order = "columns", record = "256B", rows = 200 } },
  zipf = { access = "zipf", size = 4 * KiB, shape = { places = 600, skew = 1 } },
  uniform = { access = "zipf", size = 4 * KiB, shape = { places = 400, skew = 0 } },
  walk = { access = "hot", size = 4 * KiB, shape = { places = 2032, hot = 32 } },
}

-- Misses of lru, by blocks of the cache: scripts/stack-distance.
local misses = {
  loop = { [16] = 4000, [32] = 4000, [64] = 4000, [128] = 4000, [256] = 160 },
  columns = { [16] = 4000, [32] = 4000, [64] = 4000, [128] = 4000, [256] = 250 },
  zipf = { [16] = 2732, [32] = 2263, [64] = 1754, [128] = 1271, [256] = 800 },
  uniform = { [16] = 3836, [32] = 3676, [64] = 3343, [128] = 2709, [256] = 1557 },
  walk = { [16] = 3532, [32] = 3145, [64] = 2587, [128] = 2117, [256] = 2033 },
}
local sizes = { 16, 32, 64, 128, 256 }
local expectations = {}
for _, name in ipairs { "loop", "columns", "zipf", "uniform", "walk" } do
  for _, size in ipairs(sizes) do
    expectations[#expectations + 1] = {
      kind = "value", name = name .. ": misses of lru, " .. size .. " blocks",
      measure = counted, at = { policy = "lru", pattern = name, blocks = size },
      equals = misses[name][size], within = 0, doc = "its stack distances",
    }
  end
end
local function beside(name, which, a, b, size, min, max, doc, citation)
  expectations[#expectations + 1] = {
    kind = "ratio", name = name, measure = counted,
    at = { policy = a, pattern = which, blocks = size },
    over = { policy = b, pattern = which, blocks = size }, min = min, max = max, doc = doc,
    citation = citation,
  }
end
beside("a loop larger than the cache: mru over lru", "loop", "mru", "lru", 128, 0.15, 0.3,
  "lru has every block go just before it comes again; mru keeps all but a few")
beside("the same, a program that says so: application over mru", "loop", "application", "mru",
  128, 0.95, 1.05, "LRU-SP, of one program that asks for mru",
  "Cao, Felten and Li, OSDI 1994")
beside("a walk beside a hot set: 2q over lru", "walk", "2q", "lru", 64, 0.75, 0.85,
  "what came once goes first, the hot blocks stay", "Johnson and Shasha, VLDB 1994")
beside("a walk beside a hot set: arc over lru", "walk", "arc", "lru", 64, 0.75, 0.85,
  "the same", "Megiddo and Modha, FAST 2003")
beside("all alike: 2q over lru", "uniform", "2q", "lru", 128, 0.9, 1.1,
  "there is nothing to learn")

return {
  title = "Misses of a cache of blocks, by policy and pattern",
  machine = paragon {
    rows = 1, columns = 3, io_nodes = 1, storage = { kind = "disk" },
    nodes = { compute = { storage = { kind = "disk" } } },
    os = { { service = "nx" }, { service = "file_client", files = stacks[owner] } },
  },
  workload = {
    kind = "io", system = "files", op = "read", nodes = 1, requests = requests, warmup = 0,
    access = ways[pattern].access, span = ways[pattern].span, size = ways[pattern].size .. "B",
    shape = ways[pattern].shape, work = true,
    hint = policy == "application" and again and "mru" or "normal",
  },
  sweep = {
    product = {
      policy = { "lru", "mru", "fifo", "clock", "2q", "arc", "application" },
      pattern = patterns,
      blocks = sizes,
    },
  },
  measures = { counted, hits, "file.latency" },
  figure = {
    x = "blocks", y = counted, by = "policy",
    where = { pattern = param("shown", "walk", patterns) }, log = "x",
    x_label = "blocks of the cache", y_label = "misses of 4,000 requests",
  },
  expectations = expectations,
}
