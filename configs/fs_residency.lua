-- Where the file system is: the same layers in the program's library, in a server task on the
-- node, or on the I/O node alone, against the price of crossing from one domain to another.
--
--   psim figure fs_residency
--   psim figure fs_residency -p over=pfs      (over a file striped over four I/O nodes)
--
-- Four programs read a file of the first I/O node here and there, 4 KiB at a time; a cache of 1 MiB
-- has all of it after a while.  It stands in the library (misses go down through the kernel), in a
-- server task on the node (every request is a message to it), or on the I/O node (every request
-- goes there, and the node that computes keeps next to nothing).
--
-- [AD]  OSF/1 AD's aim: to minimise the file system code that must reside on nodes performing
--       computations.
local paragon = include "machines/paragon.lua"

local place, cross = param("place", "library", { "library", "server", "io" }), param("cross", "2us")
local pfs = param("over", "files", { "files", "pfs" }) == "pfs"
local cache = { layer = "cache", bytes = "1MiB", block = "64KiB", ahead = 1 }
local kernel = { layer = "crossing", domain = "kernel" }
local server = { layer = "crossing", domain = "server" }
local below = { layer = pfs and "pfs" or "remote" }
local client = {
  library = { cache, kernel, below },
  server = { server, cache, below },
  io = { kernel, pfs and { layer = "pfs", mode = "async" } or below },
}
local at_io = place == "io" and { cache, { layer = "lfs" } } or nil

local function case(where, price)
  return { place = where, cross = price }
end

local machine = paragon {
  rows = pfs and 3 or 2, columns = 4, io_nodes = pfs and 4 or 1, storage = { kind = "raid3" },
  os = pfs and {
    { service = "nx" }, { service = "pfs_meta" }, { service = "pfs_server", files = at_io },
    { service = "pfs_client" }, { service = "file_client", files = client[place] },
  } or {
    { service = "nx" }, { service = "file_server", files = at_io },
    { service = "file_client", files = client[place] },
  },
}
machine.prices.cross = { each = cross }

return {
  title = "The file system in a library, in a server on the node, on the I/O node",
  machine = machine,
  workload = {
    kind = "io", system = "files", access = "zipf", op = "read", nodes = param("nodes", 4),
    shape = { places = param("places", 128), skew = 0 },
    size = param("size", "4KiB"), requests = 3000, warmup = 500, start = 0,
  },
  sweep = {
    product = {
      place = { "library", "server", "io" }, cross = { "500ns", "2us", "10us", "50us", "200us" },
    },
  },
  measures = { "file.latency", "file.bandwidth", "crossing.requests", "crossing.copied",
               "crossing.above", "crossing.below" },
  figure = {
    x = "cross", y = "file.latency", by = "place", log = "xy",
    x_label = "price of a crossing", y_label = "time of a read of 4 KiB",
  },
  expectations = {
    { measure = "file.latency", at = case("server", "200us"), equals = "565.4us", within = 0.002,
      doc = "the library's 79.1 us, and by the price list a copy of 4 KiB more (68.3 us), a " ..
            "procedure of the server (10), its thread (8) and two crossings" },
    { kind = "ratio", name = "server over library, where crossings are cheap",
      measure = "file.latency", at = case("server", "2us"), over = case("library", "2us"),
      min = 1.5, max = 3 },
    { kind = "ratio", name = "I/O node over server, where crossings are cheap",
      measure = "file.latency", at = case("io", "2us"), over = case("server", "2us"),
      min = pfs and 1.5 or 2, max = pfs and 3 or 4 },
    { kind = "ratio", name = "I/O node over server, where they are dear",
      measure = "file.latency", at = case("io", "200us"), over = case("server", "200us"),
      min = pfs and 0.4 or 0.7, max = 0.98,
      doc = "two crossings cost more than the way there and back" },
    { measure = "crossing.above", at = case("library", "2us"), min = "4MiB",
      doc = "the caches of four programs" },
    { measure = "crossing.below", at = case("io", "2us"), max = pfs and "10kB" or "4kB",
      doc = "what is left on four nodes that compute" },
  },
}
