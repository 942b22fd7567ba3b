-- A month of an archive: ten million files of 25 MB on 12,500 cartridges (declared: they cost no
-- memory), 32 DLT 4000 drives, requests at random times from 16 programs.
--
--   psim run tape_month -p requests=10        160 requests
--   psim run tape_month                       20,000 requests, half a terabyte
--   psim run tape_month -p requests=1 -p volumes=50000    1 PB, forty million files
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local requests = param("requests", 1250)  -- of each of 16 programs
local volumes, blocks, file = param("volumes", 12500), 20000, 25

local silo = include("libraries/stk4400.lua")
silo.kind, silo.cells, silo.rows, silo.columns = "silo", volumes + 500, (volumes + 699) // 200, 100
silo.drives, silo.tape_drives, silo.control = nil, "all", "service"
silo.cartridges = { count = volumes, filled = volumes, blocks = blocks, block = "1MB" }

local tape = include("tapes/dlt4000.lua")
tape.cartridge, tape.largest = "", "1MiB"

return {
  title = "A month of an archive",
  doc = "Random restores from 250 TB on tapes, under 32 drives.",
  machine = paragon {
    rows = 7, columns = 7, io_nodes = 32, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.archive {
      storage = { volumes = volumes, filled = volumes, block = "1MB", blocks = blocks },
      pvl = { order = "fifo", patience = "1000h" },
      mover = { order = "loss" },
    }),
  },
  workload = {
    kind = "restore", nodes = 16, requests = requests, law = "open",
    think = "2000s",  -- 16 programs: 29 requests an hour, 20,000 in a month
    volumes = volumes, blocks = blocks, file = file,
  },
  measures = { "restore.time.max", "restore.file.mean", "pvl.mounts", "pvl.found", "mover.bytes" },
}
