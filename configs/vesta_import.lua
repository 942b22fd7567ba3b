-- A file of another file system is imported into Vesta, or exported from it, in parallel by cells.
--
--   psim figure vesta_import
--   psim run vesta_import -p op=export -p cells=8
--
-- The stream lies on the disk array of the service node, whose files all nodes see; the cells lie
-- on the I/O nodes, a disk each.  Copied by a program a cell, by one program that has all cells
-- under way at once, or by one that copies a cell after the other.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local cells, op = param("cells", 4), param("op", "import")
local way = param("way", "programs", { "programs", "lanes", "turns" })

local function case(c, by, what)
  return { cells = c, way = by or "programs", op = what or "import" }
end
local function over(name, at, base, min, max, doc)
  return { kind = "ratio", name = name, measure = "copy.bandwidth", at = at, over = base,
           min = min, max = max, doc = doc }
end

return {
  title = "Import and export in parallel by cells",
  machine = paragon {
    rows = 5, columns = 8, io_nodes = 16, storage = { kind = "disk" },
    nodes = { service = { storage = { kind = "raid3" } } },
    os = services.list(services.vesta, {
      { service = "file_server", on = "service",
        files = { { layer = "lfs", buffered = true, cache = 256, read_ahead = 8 } } },
      { service = "file_client", files = { { layer = "remote", group = "service" } } },
    }),
  },
  workload = {
    kind = op, system = "vesta", outside = { system = "files" },
    nodes = way == "programs" and cells or 1, parallel = way == "lanes" and cells or 1,
    cells = cells, bytes = "16MiB", piece = param("workload.piece", "256KiB"),
  },
  sweep = {
    product = {
      op = { "import", "export" }, way = { "programs", "lanes", "turns" },
      cells = { 1, 2, 4, 8, 16 },
    },
  },
  measures = { "copy.bandwidth", "copy.piece" },
  figure = {
    x = "cells", y = "copy.bandwidth", by = "way", where = { op = "import" }, log = "x",
    x_label = "cells", y_label = "bandwidth of the copy",
    expectations = {
      over("import: 4 cells over 1", case(4), case(1), 2, 4, "the disks of the cells add up"),
      over("import: 16 cells over 8", case(16), case(8), 0.9, 1.3, "the array outside is full"),
      over("import: 4 cells at once over one by one", case(4, "lanes"), case(4, "turns"), 1.5, nil,
           "one program is enough, when it does not wait"),
      over("export: 4 cells over 1", case(4, "programs", "export"), case(1, "programs", "export"),
           2, 4),
      over("export: 16 cells one by one", case(16, "turns", "export"), case(1, "turns", "export"),
           0.7, 1.2, "nothing is parallel"),
    },
  },
}
