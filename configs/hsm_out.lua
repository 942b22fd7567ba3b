-- Files of 16 MiB go to tape: in one piece of all of it, or in smaller ones, of which one is read
-- from the disk while the tape takes another.
--
--   psim figure hsm_out
--
-- With d for reading all of it from the disk (about 7.5 s: fitted to these runs), t for writing it
-- to tape, c for what the drive needs besides, and n pieces: d + t + c if the file is one piece,
-- else d / n + max(d, t) + c, of which c hides behind a disk that is slower than the tape.  Two
-- pieces are all that is in memory.
local staging = include "parts/staging.lua"

local function over(rate, min, max, doc)
  return { kind = "ratio", name = rate .. ": 16 pieces over one", measure = "hsm.copy.mean",
           at = { piece = "1MiB", rate = rate }, over = { piece = "16MiB", rate = rate },
           min = min, max = max, doc = doc }
end

return {
  title = "Migration in pieces",
  machine = staging {
    space = "1GiB", disk = { kind = "disk" },
    tape = { buffer = { size = "256KiB" }, hitch = "0",
             format = { rate = param("rate", "3MB/s") } },
    hsm = { piece = param("piece", "4MiB"), poll = "1s", age = "30s" },
  },
  workload = {
    kind = "dataset", system = "files", nodes = 1, piece = "64KiB", warmup = 0, settle = "1s",
    requests = 200, think = "2s", walk = { access = "sweep", files = 4, pieces = 256 },
  },
  sweep = { product = {
    piece = { "1MiB", "2MiB", "4MiB", "8MiB", "16MiB" }, rate = { "1MB/s", "3MB/s", "12MB/s" },
  } },
  measures = { "hsm.copy.mean", "hsm.buffered", "hsm.copied", "hsm.migrated" },
  figure = {
    x = "piece", y = "hsm.copy.mean", by = "rate",
    x_label = "piece that is read at a time", y_label = "a file's way to tape, without the mount",
  },
  expectations = {
    over("1MB/s", 0.70, 0.76, "(t + d / 16 + c) / (t + d + c): 19.2 s of 26.3"),
    over("3MB/s", 0.51, 0.60, "the longer of 7.5 and 5.6 s, not their sum"),
    over("12MB/s", 0.70, 0.78, "(d + d / 16) / (d + t + c): 8.0 s of 10.9"),
    { kind = "range", name = "two pieces in memory", measure = "hsm.buffered",
      at = { piece = "1MiB", rate = "3MB/s" }, min = "2MiB", max = "2MiB" },
    { kind = "range", name = "of a whole file once that file", measure = "hsm.buffered",
      at = { piece = "16MiB", rate = "3MB/s" }, min = "16MiB", max = "16MiB" },
    { kind = "range", name = "nothing is read twice", measure = "hsm.copied",
      at = { piece = "1MiB", rate = "3MB/s" }, min = "64MiB", max = "64MiB" },
  },
}
