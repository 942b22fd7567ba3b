-- The layers of files over the parallel file system: in the program's library, in a server task on
-- the node, or on the I/O nodes alone, against the price of crossing from one domain to another.
--
--   psim figure fs_residency_pfs
--
-- As fs_residency, with the layer `pfs` at the bottom: a file is striped over four I/O nodes, and
-- what a cache does not have is asked of all that have some of it at once.
--
-- [AD]  OSF/1 AD's aim: to minimise the file system code that must reside on nodes performing
--       computations.
local paragon = include "machines/paragon.lua"

local place, cross = param("place", "library", { "library", "server", "io" }), param("cross", "2us")
local cache = { layer = "cache", bytes = "1MiB", block = "64KiB", ahead = 1 }
local kernel = { layer = "crossing", domain = "kernel" }
local server = { layer = "crossing", domain = "server" }
local client = {
  library = { cache, kernel, { layer = "pfs" } },
  server = { server, cache, { layer = "pfs" } },
  io = { kernel, { layer = "pfs", mode = "async" } },
}

local function case(where, price)
  return { place = where, cross = price }
end

local machine = paragon {
  rows = 3, columns = 4, io_nodes = 4, storage = { kind = "raid3" },
  os = {
    { service = "nx" },
    { service = "pfs_meta" },
    { service = "pfs_server", files = place == "io" and { cache, { layer = "lfs" } } or nil },
    { service = "pfs_client" },
    { service = "file_client", files = client[place] },
  },
}
machine.prices.cross = { each = cross }

return {
  title = "Layers over PFS in a library, in a server on the node, on the I/O nodes",
  machine = machine,
  workload = {
    kind = "io", system = "files", access = "zipf", op = "read", nodes = param("nodes", 4),
    shape = { places = param("places", 128), skew = 0 },
    size = param("size", "4KiB"), requests = 3000, warmup = 500, start = 0,
  },
  sweep = {
    product = {
      place = { "library", "server", "io" }, cross = { "500ns", "2us", "20us", "200us" },
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
            "procedure of the server (10), its thread (8) and two crossings: what is below the " ..
            "cache makes no difference" },
    { kind = "ratio", name = "server over library, where crossings are cheap",
      measure = "file.latency", at = case("server", "2us"), over = case("library", "2us"),
      min = 1.5, max = 3 },
    { kind = "ratio", name = "I/O nodes over server, where crossings are cheap",
      measure = "file.latency", at = case("io", "2us"), over = case("server", "2us"),
      min = 1.5, max = 3 },
    { kind = "ratio", name = "I/O nodes over server, where they are dear",
      measure = "file.latency", at = case("io", "200us"), over = case("server", "200us"),
      min = 0.4, max = 0.98, doc = "two crossings cost more than the way there and back" },
    { measure = "crossing.above", at = case("library", "2us"), min = "4MiB",
      doc = "the caches of four programs" },
    { measure = "crossing.below", at = case("io", "2us"), max = "10kB",
      doc = "what is left of the layers on four nodes that compute" },
  },
}
