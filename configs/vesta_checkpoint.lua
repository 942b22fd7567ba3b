-- What a checkpoint of a file costs in Vesta's store, by what was changed since the one before: the
-- block list is a tree that is copied where it changes, so a checkpoint writes the blocks that were
-- changed, their nodes and one record; to go back writes the record alone.
--
-- One program, whose file of 16 MiB lies on the disk array of an I/O node; after each return every
-- byte is compared with what the checkpoint had.
--
--   psim figure vesta_checkpoint
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local changed = param("changed", 16)

-- What stands in the counters of a run of two rounds: each changes the blocks for the checkpoint,
-- and again for the return; the changed blocks lie spread over 16 leaves below one root.
local exact = {}
local counts = { 0, 1, 2, 4, 8, 16, 32, 64, 128 }
local function expect(measure, k, n, why)
  exact[#exact + 1] = { measure = "vesta_store." .. measure, at = { changed = k }, equals = n,
                        within = 0, citation = "derived: " .. why }
end
for _, k in ipairs(counts) do
  expect("blocks_copied", k, 4 * k, "each block that is changed is changed in a copy, once")
  expect("nodes_written", k, k == 0 and 0 or 2 * (math.min(k, 16) + 1),
         "a checkpoint writes the leaves of the changed blocks and the root")
  expect("commits", k, 4, "a record for each checkpoint and each return")
end

local function ratio(name, measure, at, over, bounds)
  return { kind = "ratio", name = name, measure = measure, at = { changed = at },
           over = { changed = over }, min = bounds[1], max = bounds[2],
           citation = "derived: the blocks that were changed go to the device" }
end

local expectations = {
  ratio("128 blocks over 64", "checkpoint.make.mean", 128, 64, { 1.6, 2 }),
  ratio("64 blocks over 32", "checkpoint.make.mean", 64, 32, { 1.6, 2 }),
  { measure = "checkpoint.make", rises_with = "changed",
    citation = "derived: what was changed is written" },
  { measure = "checkpoint.make.mean", at = { changed = 0 }, max = "35ms",
    citation = "derived: one record is one write: a seek and a turn at most" },
  { measure = "checkpoint.rollback.mean", max = "35ms",
    citation = "derived: one record is one write, whatever was changed" },
  { measure = "checkpoint.verified.mean", equals = 16 * 1024 * 1024, within = 0,
    citation = "derived: all bytes are those of the checkpoint, else the run fails" },
}
for _, e in ipairs(exact) do expectations[#expectations + 1] = e end

return {
  title = "Checkpoint and rollback of a file of 256 blocks, by blocks changed",
  machine = paragon {
    rows = 2, columns = 2, io_nodes = 1, release = "R1.4", storage = { kind = "raid3" },
    os = services.stored { cache = 512, flush_delay = "1h" },
  },
  workload = { kind = "checkpoint", system = "files", nodes = 1, bytes = "16MiB",
               piece = "64KiB", changed = changed, rounds = 2 },
  sweep = { product = { changed = counts } },
  measures = { "checkpoint.make", "checkpoint.rollback", "vesta_store.blocks_copied",
               "vesta_store.nodes_written" },
  figure = { x = "changed", y = "checkpoint.make.mean", x_label = "blocks changed",
             y_label = "time of a checkpoint" },
  expectations = expectations,
}
