-- Staging a file of n pieces with one request to the archive at a time, and with two or four: while
-- the pieces of one go to the disk, the next is at the drive.
--
--   psim figure hsm_overlap
--
-- With a for a piece from tape and b for one to the disk the time is n (a + b), or a + (n - 1)
-- max(a, b) + b; a third request under way gains nothing.  The drive here does not read ahead
-- (buffer = "256KiB", a block); one that does (-p buffer=2MB) is a second buffer by itself.
local staging = include "parts/staging.lua"

local n, pulls = param("pieces", 16), param("pulls", 1)

local function over(name, pieces, a, b, min, max, citation)
  return { kind = "ratio", name = name, measure = "dataset.latency.mean",
           at = { pulls = a, pieces = pieces }, over = { pulls = b, pieces = pieces },
           min = min, max = max, citation = citation }
end

return {
  title = "Staging with one and with two buffers",
  machine = staging {
    space = (5 * n // 2) .. "MiB", disk = { kind = "disk" },
    tape = { buffer = { size = param("buffer", "256KiB") }, hitch = "0",
             format = { rate = "3MB/s" } },
    hsm = { stage = "open", piece = "1MiB", row = 1, pulls = pulls },
  },
  workload = {
    kind = "dataset", system = "files", nodes = 1, piece = "1MiB", warmup = 0, settle = "4h",
    requests = 1, walk = { access = "sweep", files = 4, pieces = n },
  },
  sweep = { product = { pulls = { 1, 2, 4 }, pieces = { 8, 16, 32, 64 } } },
  measures = { "dataset.latency.mean", "hsm.pulls", "hsm.staged" },
  figure = {
    x = "pieces", y = "dataset.latency.mean", by = "pulls",
    x_label = "pieces of 1 MiB", y_label = "from the read to its data, a mount included",
  },
  expectations = {
    over("64 pieces: two over one: the longer, not the sum", 64, 2, 1, 0.5, 0.9,
      "Myllymaki & Livny, known by its result"),
    over("64 pieces: four over two", 64, 4, 2, 0.98, 1.01),
  },
}
