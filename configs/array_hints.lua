-- What a run-time library says to the cache: C = A B out of core on a disk of each program's node,
-- under a cache of blocks that does not hold all that is swept.
--
--   psim figure array_hints -j2
--   psim figure array_hints -p slab=rows
--
-- By column slabs a program reads its part of A, 32 blocks of 4 KiB, once for each column of C, by
-- row slabs its part of B once for each slab of A.  A cache under lru that has not room for all of
-- it hits nothing of it; where the library (os/array) tells which array is swept, and that the
-- others' elements come once, the policy `application` keeps most of it.
local paragon = include "machines/paragon.lua"

local KiB = 1024
local policy, blocks, hints = param("policy", "lru"), param("blocks", 24), param("hints", false)
local slab = param("slab", "columns", { "columns", "rows" })

local function case(n, p, h)
  return { blocks = n, policy = p, hints = h }
end
local function over(name, a, b, min, max, doc)
  return { kind = "ratio", name = name, measure = "cache.misses", at = a, over = b, min = min,
           max = max, doc = doc }
end

return {
  title = "A product out of core: what the cache is told",
  machine = paragon {
    rows = 2, columns = 4, io_nodes = 1, storage = { kind = "disk" },
    nodes = { compute = { storage = { kind = "disk" } } },
    os = { { service = "nx" }, { service = "file_client", files = {
      { layer = "cache", bytes = 4 * KiB * blocks .. "B", block = "4KiB", policy = policy,
        read_ahead = "none" },
      { layer = "lfs", block = "4KiB" } } } },
  },
  workload = {
    kind = "arrays", operation = "multiply", nodes = 4, rows = 256, columns = 256, slab = slab,
    memory = "32KiB", system = "files", placement = "local", order = "columns", method = "list",
    hints = hints,
  },
  sweep = {
    product = { blocks = { 8, 16, 24, 32, 64 }, policy = { "lru", "application" },
                hints = { false, true } },
  },
  measures = { "cache.misses", "cache.hits", "arrays.time" },
  figure = {
    x = "blocks", y = "cache.misses", by = "policy", where = { hints = true }, log = "x",
    x_label = "blocks of a program's cache", y_label = "misses",
  },
  expectations = slab == "columns" and {
    over("24 blocks of 32, lru: told over not told", case(24, "lru", true),
      case(24, "lru", false), 0.99, 1.01, "lru hears of no order; a loop larger than it misses"),
    over("24 blocks of 32: application, told, over lru", case(24, "application", true),
      case(24, "lru", false), 8 / 31, 0.5,
      "a loop of 32 through 24 blocks misses at least 8 of 31 (Belady); other blocks come between"),
    over("16 blocks of 32: application, told, over lru", case(16, "application", true),
      case(16, "lru", false), 16 / 31, 0.75, "the same, 16 of 31"),
    over("64 blocks, lru: told over not told", case(64, "lru", true), case(64, "lru", false), 0.9,
      0.999, "what comes once goes first, whatever the policy"),
    over("application, not told, over lru", case(24, "application", false),
      case(24, "lru", false), 1, 1, "it is lru then"),
  } or nil,
}
