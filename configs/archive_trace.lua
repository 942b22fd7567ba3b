-- The users of an archive: files of very different sizes, twice as many reads as writes, reads that
-- repeat within hours, more of them in working hours.  Drawn, or from a trace.
--
--   psim run archive_trace
--   psim run archive_trace -p requests=10
--   psim run archive_trace -p workload.trace=configs/traces/day.archive
--
-- docs/models/hsm.md says which of these statistics are published, and has the traces' format.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local volumes, blocks, scratch = 60, 10000, 20

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 200, nil, "all", "service"
silo.cartridges = { count = volumes + scratch, filled = volumes, blocks = blocks, block = "256KiB" }
local tape = merge(include("tapes/dlt4000.lua"), { cartridge = "" })

return {
  title = "A week of an archive's users",
  doc = "Four programs read and write files of 14 kB to 230 MB, four DLT 4000 drives.",
  machine = paragon {
    rows = 4, columns = 3, io_nodes = 4, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.archive {
      storage = { volumes = volumes + scratch, filled = volumes, block = "256KiB", blocks = blocks,
                  capacity = blocks },
      pvl = { patience = "1000h" },
    }),
  },
  workload = {
    kind = "archive_trace", nodes = 4, requests = param("requests", 150), files = 10000,
    volumes = volumes, blocks = blocks, gap = "1h", trace = param("workload.trace", ""),
  },
  measures = {
    "trace.read.mean", "trace.write.mean", "trace.bytes.mean", "pvl.mounts", "pvl.found",
  },
}
