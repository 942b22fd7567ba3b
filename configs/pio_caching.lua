-- Small sequential requests of a shared file over PFS, with and without a cache at the client.
--
--   psim figure pio_caching
--
-- Each of 4 programs goes through its own 256 KiB of the file once, in requests of one size: PFS
-- as it is, or with workload.caching = "weak": 1 MiB of blocks of 8 KiB a program, 8 of them read
-- ahead, 512 KiB written behind.  What is written is on the devices when the window closes.
local paragon = include "machines/paragon.lua"

local op, caching = param("op", "read"), param("workload.caching", "none")
local size = param("size", 8192)
local part = 256 * 1024

local function case(what, bytes, keeps)
  return { op = what, size = bytes, ["workload.caching"] = keeps }
end
local function gain(name, what, bytes, min, max, doc)
  return { kind = "ratio", name = name, measure = "file.bandwidth",
           at = case(what, bytes, "weak"), over = case(what, bytes, "none"),
           min = min, max = max, doc = doc }
end

return {
  title = "Small requests with and without a cache at the client",
  machine = paragon { rows = 2, columns = 6, io_nodes = 4, storage = { kind = "raid3" } },
  workload = {
    kind = "io", system = "pfs", op = op, nodes = 4, access = "partitioned", caching = caching,
    size = size .. "B", requests = part // size, warmup = 0, work = true, sync = "close",
  },
  sweep = {
    product = {
      op = { "read", "write" },
      size = { 512, 2048, 8192, 32768, 131072 },
      ["workload.caching"] = { "none", "weak" },
    },
  },
  measures = { "file.bandwidth", "file.latency", "cache.hits", "cache.misses", "cache.written" },
  figure = {
    x = "size", y = "file.bandwidth", by = "workload.caching", where = { op = "read" },
    log = "xy", x_label = "bytes of a request", y_label = "bandwidth",
  },
  expectations = {
    gain("512 bytes a request: a cache over none, reading", "read", 512, 1.5, 2.5,
      "a request that finds its block costs a look-up and a copy, not two messages"),
    gain("512 bytes a request: a cache over none, writing", "write", 512, 1.8, 3,
      "what is written goes out in long requests, and while the program goes on"),
    gain("128 KiB a request: a cache over none, reading", "read", 131072, 0.85, 1.05,
      "as many messages either way; the CPU copies, and blocks behind the part are read"),
  },
}
