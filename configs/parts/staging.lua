-- A machine whose first I/O node keeps files on a disk that has room for some of them; the others
-- lie on tapes, in a silo with a DLT 4000 at each I/O node, and are staged by the layer hsm.
--
--   local staging = include "parts/staging.lua"
--   machine = staging { space = "128MiB", hsm = { prefetch = "list" } }
--
-- space: what files may take of the disk; hsm: other parameters of the layer; drives (2), volumes
-- (8), each of so many `blocks` of 256 KiB (1000); pvl: of that service.  The program's node has
-- the files through the layer remote.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local whole = 1000

local function layer(options)
  return merge({ layer = "hsm", space = options.space, age = "30s" }, options.hsm or {})
end

return function(options)
  local volumes, drives = options.volumes or 8, options.drives or 2
  local blocks = options.blocks or whole
  local silo = include("libraries/stk4400.lua")
  silo.cells, silo.drives, silo.tape_drives, silo.control = 200, nil, "all", "service"
  silo.cartridges = { count = volumes, filled = 0, blocks = blocks, block = "256KiB" }
  local tape = include("tapes/dlt4000.lua")
  tape.cartridge = ""
  return paragon {
    rows = 2, columns = 2 + drives // 2, io_nodes = drives,
    storage = { options.disk or { kind = "raid3" }, merge(tape, options.tape or {}) },
    libraries = { silo = silo },
    nodes = { service = { storage = { { kind = "disk" }, { kind = "disk" } } } },  -- catalogues
    os = services.list(services.nx, {
      { service = "pvr" }, merge({ service = "pvl" }, options.pvl or {}), { service = "mover" },
      { service = "storage", volumes = volumes, filled = 0, block = "256KiB", blocks = blocks,
        capacity = blocks },
      { service = "bitfile", files = { { layer = "lfs", device = 1 } } },
      { service = "bitfile_client", on = "io" },
      { service = "file_server", files = { layer(options), { layer = "lfs", device = 0 } } },
      { service = "file_client", files = { { layer = "remote" } } },
    }),
  }
end
