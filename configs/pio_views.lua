-- What a construction costs in views: Vesta, and Vesta over PFS, in the mount's stripes and
-- (`cells`) in a layout for each file, all with the buffers of Vesta's I/O nodes.
--
--   psim run pio_views -j2
--
-- A matrix of 256 rows of 32 entries of 32 KiB, a column a cell; 32 programs, 16 I/O nodes,
-- requests of two entries and of 32.  A stripe of the mount is 64 KiB.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local name, part = param("system", "vesta", { "vesta", "mount", "cells" }), param("part", "cn")
local columns, rows, entry, size = 32, 256, 32 << 10, param("size", 1024) << 10
local lfs = services.vesta[2].lfs

local all = {}
local function over(top, op, min, max, doc)
  for _, p in ipairs { "cn", "nb", "bb" } do
    for _, s in ipairs { 64, 1024 } do
      all[#all + 1] = {
        kind = "ratio", name = p .. ", " .. op .. " of " .. s .. " KiB: " .. top .. " over Vesta",
        measure = "file.bandwidth", at = { system = top, part = p, size = s, op = op },
        over = { system = "vesta", part = p, size = s, op = op }, min = min, max = max, doc = doc,
      }
    end
  end
end
over("mount", "read", 0.85, 1.35, "lists of pieces to each I/O node in both: nothing is added")
over("cells", "read", 0.85, 1.35, "the same")
over("mount", "write", 0.75, 1.6)
over("cells", "write", 0.6, 1.6, "entries of several programs in a block of an I/O node")

return {
  title = "Views over Vesta and over PFS",
  machine = paragon {
    rows = 8, columns = 9, io_nodes = 16, storage = { kind = "raid3" },
    os = name == "vesta" and services.vesta or {
      pfs_server = { lfs = lfs }, pfs_meta = { per_file_layout = name == "cells" },
    },
  },
  workload = {
    kind = "io", system = name == "vesta" and "vesta" or "vesta_on_pfs", op = param("op", "read"),
    nodes = 32, access = "array", view = true, warmup = 0, unit = entry .. "B", factor = columns,
    size = size .. "B", requests = rows * columns * entry // size // 32,
    shape = { distribution = part, record = entry .. "B", rows = rows },
  },
  sweep = { product = {
    system = { "vesta", "mount", "cells" }, part = { "cn", "nb", "bb" }, size = { 64, 1024 },
    op = { "read", "write" },
  } },
  measures = { "file.bandwidth", "file.latency" },
  expectations = all,
  figure = {
    x = "size", y = "file.bandwidth", by = "system", where = { op = "read", part = "cn" },
    log = "x", x_label = "request [KiB]", y_label = "read bandwidth of 32 programs, by rows",
  },
}
