-- The server's node dies under calls over NORMA IPC, which cleans up nothing: its clients hang.
--
--   psim run mach_norma_death                    -- exit 1: the calls that hang
--   psim run mach_norma_death -p patience=0s     -- exit 3: who waits for ever, and for what
--   psim run mach_norma_death -p after=20ms      -- exit 1: it comes back, the calls are lost
--
-- The message to the dead node is asked for again and again.  When the node comes back what was
-- under way to it is lost, and nobody is told.  It knows no port of its former life: the first
-- message to one, or the first right that comes home, ends its IPC, as it made the original panic.
local paragon = include "machines/paragon.lua"
local after = param("after", "0s")

return {
  title = "A node dies under NORMA IPC",
  doc = "What becomes of calls to a server whose node dies.",
  machine = paragon {
    rows = 1, columns = 4, release = "R1.4",
    graph = {
      { name = "mesh", protocol = "driver", lives = false },
      { name = "rdm", protocol = "rdm", below = { "mesh" } },
      { name = "nx", protocol = "nx", below = { "rdm" } },
      { name = "norma", protocol = "norma", below = { "mesh" } },
    },
    os = { { service = "mach", over = "norma" } },
    faults = { { path = "node 0", at = "10ms", after = after ~= "0s" and after or nil } },
  },
  workload = {
    kind = "mach_rpc", server = "remote", rounds = 1000, warmup = 0,
    patience = param("patience", "1s"),
  },
  measures = { "mach_rpc.time.mean", "norma.syncs", "norma.lost", "machine.crashes" },
}
