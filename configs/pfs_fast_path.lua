-- What the fast path and coalescing bring: whole blocks go from the device to the message without
-- the buffers, and blocks in a row are one device request.
--
--   psim figure pfs_fast_path
--
-- path: "buffers" copies each block through them; "blocks" goes past them, a device request a
-- block; "runs" joins blocks in a row.
local paragon = include "machines/paragon.lua"

local path = param("path", "runs", { "buffers", "blocks", "runs" })
local proposal = "proposal 5.1: coalescing of blocks avoids multiple device operations"

local function case(how, size)
  return { path = how, ["workload.size"] = size }
end

return {
  title = "PFS: the fast path of an I/O node's file system",
  machine = paragon {
    rows = 4, columns = 6, io_nodes = 4, release = "R1.4", storage = { kind = "raid3" },
    os = {
      pfs_server = {
        lfs = { block = "8KiB", inode = "8KiB", buffered = path == "buffers", cache = 512,
                max_io = path == "runs" and "1MiB" or "8KiB" },
      },
    },
  },
  workload = {
    kind = "pfs", op = "read", nodes = 4, unit = "64KiB", mode = "M_RECORD",
    size = param("workload.size", "256KiB"), requests = 16, warmup = 1,
  },
  sweep = {
    product = {
      path = { "buffers", "blocks", "runs" },
      ["workload.size"] = { "8KiB", "64KiB", "256KiB", "1MiB" },
    },
  },
  measures = { "pfs.bandwidth", "pfs.latency", "lfs.device_reads", "lfs.copied_bytes" },
  figure = {
    x = "workload.size", y = "pfs.bandwidth", by = "path", log = "x",
    x_label = "request", y_label = "read bandwidth of 4 programs",
    expectations = {
      { kind = "ratio", name = "1 MiB: device requests, blocks over runs",
        measure = "lfs.device_reads", at = case("blocks", "1MiB"), over = case("runs", "1MiB"),
        min = 8, citation = proposal },
      { kind = "ratio", name = "1 MiB: joined over a block at a time", at = case("runs", "1MiB"),
        over = case("blocks", "1MiB"), min = 1.5, citation = proposal },
      { kind = "ratio", name = "1 MiB: past the buffers over through them",
        at = case("runs", "1MiB"), over = case("buffers", "1MiB"), min = 1, citation = proposal },
    },
  },
}
