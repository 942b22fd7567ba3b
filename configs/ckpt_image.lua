-- A job that another run of psim goes on with: from the disks of its I/O nodes alone.
--
--   psim run ckpt_image                                as if nothing had happened
--   psim run ckpt_image --no-store -p limits.time=7s --save-images results/disks
--   psim run ckpt_image --no-store -p restart=true --images results/disks
--
-- The second run ends in the middle: what its devices have is all that is left of it.  The third
-- begins on a new machine with these disks, finds the last checkpoint that was committed, and its
-- final memory (job.memory) is that of the first.  Names of files are kept on an I/O node, for the
-- service node's memory is gone.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local services = include "parts/services.lua"

return {
  title = "A job that goes on from the disks of a run that is gone",
  doc = "Checkpoints of 16 ranks through PFS; disks are saved and loaded.",
  machine = paragon {
    rows = 4, columns = 6, io_nodes = 4, storage = { kind = param("storage", "disk") },
    graph = graphs.cuts,
    os = services.list(services.kept {
      file_server = { files = { { layer = "lfs", files = 64 } } },
      pfs_server = { lfs = { files = 64 } },
    }, services.checkpoints {
      interval = "300ms", policy = "cow", incremental = true, compare = param("compare", false),
      compress = param("compress", false), restart = param("restart", false),
    }),
  },
  workload = {
    kind = "job", program = param("program", "random"), nodes = 16, memory = "64KiB",
    steps = 800, dirty = 4, think = "10ms", columns = 128, table = "16KiB",
  },
  measures = { "job.time.max", "job.step.count",
               "job.memory.mean", "ckpt.committed", "ckpt.restarts" },
}
