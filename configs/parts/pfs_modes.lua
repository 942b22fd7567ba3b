-- PFS with 64 I/O nodes and up to 1,024 programs that read, each a whole piece of work; the prices
-- of the service node, the coordinator of the I/O modes, times `slow`.
local paragon = include "machines/paragon.lua"

return function(mode)
  return paragon {
    rows = 32, columns = 35, io_nodes = 64, release = "R1.4", storage = { kind = "raid3" },
    nodes = { service = { prices = { scale = param("slow", 1) } } },
  }, {
    kind = "pfs", op = "read", mode = param("mode", mode), size = param("size", "64KiB"),
    nodes = param("programs", 64), requests = param("requests", 8), warmup = 0, work = true,
    access = "partitioned", verify = false,
  }
end
