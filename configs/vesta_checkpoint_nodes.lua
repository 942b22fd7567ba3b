-- A file of Vesta on one to eight I/O nodes is checkpointed on all of them together: each writes
-- what was changed of its cells, at the same time, and then one sector says that the new
-- checkpoint counts.  The file is of 256 blocks, of which 128 are changed, or none.
--
--   psim figure vesta_checkpoint_nodes
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local nodes = { 1, 2, 4, 8 }
local io_nodes, changed = param("io_nodes", 4), param("changed", 128)

local expectations = {
  { measure = "checkpoint.make.mean", at = { changed = 128 }, falls_with = "io_nodes",
    citation = "derived: the I/O nodes write at the same time" },
  { kind = "ratio", name = "eight I/O nodes over one", measure = "checkpoint.make.mean",
    at = { io_nodes = 8, changed = 128 }, over = { io_nodes = 1, changed = 128 },
    min = 1 / 8, max = 1 / 4,
    citation = "derived: an eighth of the blocks each, and records and messages beside them" },
  { measure = "checkpoint.make.mean", at = { changed = 0 }, max = "120ms",
    citation = "derived: a record on each, then the object's, each a seek and a turn at most" },
  { measure = "checkpoint.rollback.mean", max = "160ms",
    citation = "derived: the mark in the object, a record on each I/O node, and the mark off" },
  { measure = "checkpoint.verified.mean", equals = 16 * 1024 * 1024, within = 0,
    citation = "derived: all bytes are those of the checkpoint, else the run fails" },
}
for _, n in ipairs(nodes) do
  expectations[#expectations + 1] = {
    measure = "vesta_store.commits", at = { io_nodes = n }, equals = 2 * (2 * n + 3), within = 0,
    citation = "derived: of two checkpoints and returns, a record for each cell, and the " ..
               "object's, once for a checkpoint, twice for a return" }
end

return {
  title = "Checkpoint of a file of 256 blocks on all of its I/O nodes",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = io_nodes, release = "R1.4", storage = { kind = "raid3" },
    os = services.vesta_stored { cache = 512, flush_delay = "1h" },
  },
  workload = { kind = "checkpoint", system = "vesta", nodes = 1, bytes = "16MiB",
               piece = "64KiB", changed = changed, rounds = 2 },
  sweep = { product = { io_nodes = nodes, changed = { 0, 128 } } },
  measures = { "checkpoint.make", "checkpoint.rollback", "vesta_store.nodes_written",
               "vesta_store.commits" },
  figure = { x = "io_nodes", y = "checkpoint.make.mean", by = "changed",
             y_label = "time of a checkpoint" },
  expectations = expectations,
}
