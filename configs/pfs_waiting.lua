-- Pieces of an interleaved file from many programs, on few I/O nodes: device requests that wait
-- while the device works go as one where they are neighbours, whosever they are (lfs.queue).
--
--   psim figure pfs_waiting -j2
--   psim run pfs_waiting -p op=read -j2
local paragon = include "machines/paragon.lua"

local op, queue, size = param("op", "write"), param("queue", 0), param("size", "8KiB")

local function gain(name, size, min, max, doc)
  return { kind = "ratio", name = name, at = { size = size, queue = 1 },
           over = { size = size, queue = 0 }, min = min, max = max, doc = doc }
end

return {
  title = "PFS: small interleaved requests, device requests put together or not",
  doc = "64 programs by turns over a file on 2 I/O nodes with blocks of 8 KiB; queue: requests that"
    .. " a device has at a time, 0: all, each for itself.",
  machine = paragon {
    rows = 5, columns = 16, io_nodes = 2, storage = { kind = "raid3" },
    os = { pfs_server = { lfs = { block = "8KiB", queue = queue } } },
  },
  workload = {
    kind = "pfs", op = op, nodes = 64, access = "interleaved", size = size, requests = 24,
    warmup = 0,
  },
  sweep = {
    product = { size = { "8KiB", "16KiB", "32KiB", "64KiB", "256KiB" }, queue = { 0, 1 } },
  },
  measures = { "pfs.bandwidth", "pfs.latency", "lfs.coalesced", "lfs.device_writes",
               "lfs.device_reads" },
  figure = {
    x = "size", y = "pfs.bandwidth", by = "queue", log = "xy",
    x_label = "request", y_label = op .. " bandwidth",
    expectations = {
      gain("8 KiB: the arm goes once for many", "8KiB", 1.5, 4),
      gain("64 KiB", "64KiB", op == "write" and 1.5 or 0.95, 3,
        "reads: the bus to the array is full either way"),
      gain("256 KiB: pieces of one request were put together before", "256KiB",
        op == "write" and 1.2 or 0.95, 2),
    },
  },
}
