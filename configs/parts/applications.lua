-- What the skeletons of applications have in common (io_escat, io_htf, io_render).
--
--   local applications = include "parts/applications.lua"
--   machine = applications.caltech { nodes = 128, system = "pfs" }
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local applications = {}

-- The Paragon XP/S of Caltech: 512 compute nodes, 16 I/O nodes with a RAID-3 of 4.8 GB each, stripe
-- units of 64 KB [Crandall and others, SC'95, as recalled].  ASSUMED(a mesh of 16 rows; for a
-- smaller job the machine has what that needs, so that it boots sooner).
function applications.caltech(o)
  local io = o.io_nodes or 16
  return paragon {
    rows = 16, columns = math.max(4, (o.nodes + io + 15) // 16 + 1), io_nodes = io,
    storage = include "disks/paragon_raid3.lua",
    os = o.system ~= "pfs" and services[o.system] or nil,
  }
end

return applications
