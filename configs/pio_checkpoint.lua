-- What a checkpoint costs by the way it is made, over the same devices: Vesta's store changes a
-- copy of a block (copy-on-write); over PFS the layer keep copies what a block had aside, first.
--
--   psim run pio_checkpoint
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local over, changed = param("over", "pfs"), param("changed", 16)
local nodes, rounds = 4, 2
local kept = { pfs_server = { files = { { layer = "keep" }, { layer = "lfs" } } } }
local os = {
  pfs = kept, vesta_on_pfs = kept, vesta = services.vesta_stored { flush_delay = "1h" },
}

local expectations = {}
for _, k in ipairs { 4, 16, 64 } do
  expectations[#expectations + 1] = {
    measure = "keep.images", at = { over = "pfs", changed = k }, equals = 3 * k * nodes, within = 0,
    citation = "derived: two changes in the first round, one in the second: after a return the "
               .. "image of a block is there still",
  }
  for _, what in ipairs { "change", "make", "rollback" } do
    expectations[#expectations + 1] = {
      kind = "ratio", name = ("%s, %d blocks: Vesta on PFS over PFS"):format(what, k),
      measure = "checkpoint." .. what .. ".mean", at = { over = "vesta_on_pfs", changed = k },
      over = { over = "pfs", changed = k }, min = 0.95, max = 1.05,
      citation = "derived: the construction adds no message to these",
    }
  end
end

return {
  title = "Checkpoint and rollback by before-images and by copy-on-write",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 4, release = "R1.4", storage = { kind = "raid3" },
    os = os[over],
  },
  workload = { kind = "checkpoint", system = over, nodes = nodes, bytes = "8MiB", piece = "64KiB",
               changed = changed, rounds = rounds },
  sweep = { product = { over = { "pfs", "vesta_on_pfs", "vesta" }, changed = { 4, 16, 64 } } },
  measures = { "checkpoint.change", "checkpoint.make", "checkpoint.rollback", "keep.images" },
  expectations = expectations,
}
