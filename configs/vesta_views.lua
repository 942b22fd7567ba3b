-- A matrix in a Vesta file, seen by rows, by columns, in blocks and cyclic: each program's part is
-- a subfile, and a request one piece of it.  Over PFS the same part is many pieces of the file, a
-- request each; `cached`: with the buffers and the read-ahead that Vesta has at the I/O nodes.
--
--   psim run vesta_views -j2
--   psim figure vesta_views -j2
--
-- An entry of the matrix is a BSU, a column a cell.  Parts: rows in turn (cn) and in blocks (bn),
-- columns in blocks (nb), blocks (bb), entries in turn both ways (cc); order: of a part's entries.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local name, io_nodes = param("system", "vesta"), param("io_nodes", 16)
local system = name == "cached" and "pfs" or name
local nodes, rows, columns = param("nodes", 32), param("rows", 128), 32
local entry, size = param("entry", 64) << 10, param("size", 1024) << 10

local function case(s, part, n, order)
  return { system = s, part = part, io_nodes = n, order = order or "rows" }
end
local function over(name, a, b, min, max, doc)
  return { kind = "ratio", name = name, measure = "file.bandwidth", at = a, over = b,
           min = min, max = max, doc = doc }
end

local function alike(part, n)
  return over(part .. " over columns, " .. n .. " I/O nodes: similar", case("vesta", part, n),
              case("vesta", "nb", n), 0.8, 1.25,
              "[Corbett & Feitelson 1996]: views have similar performance")
end

return {
  title = "Views of a matrix",
  machine = paragon {
    rows = 8, columns = 9, io_nodes = io_nodes, storage = { kind = "raid3" },
    os = system == "vesta" and services.vesta or
         name == "cached" and { pfs_server = { lfs = services.vesta[2].lfs } } or nil,
  },
  workload = {
    kind = "io", system = system, op = param("op", "read"), nodes = nodes, access = "array",
    view = system == "vesta", method = system == "pfs" and "pieces" or "list", warmup = 0,
    unit = entry .. "B", factor = system == "vesta" and columns or 0,
    size = size .. "B", requests = rows * columns * entry // size // nodes,
    shape = { distribution = param("part", "cn"), record = entry .. "B", rows = rows,
              order = param("order", "rows", { "rows", "columns" }) },
  },
  sweep = {
    product = {
      system = { "vesta", "pfs", "cached" },
      part = { "cn", "bn", "nb", "bb", "cc" },
      io_nodes = { 1, 2, 4, 8, 16, 32 }, order = { "rows", "columns" },
    },
    constraint = function(p)
      return p.order == "columns" and p.system == "vesta" and (p.part == "bn" or p.part == "bb")
             or p.order == "rows" and (p.system == "vesta" or p.io_nodes == 16)
    end,
  },
  expectations = {
    alike("cn", 16), alike("bb", 16), alike("cc", 16), alike("bn", 16),
    alike("cn", 8), alike("bb", 8), alike("cc", 8),
    alike("cn", 32), alike("bb", 32), alike("cc", 32),
    over("rows in blocks over columns, 8 I/O nodes", case("vesta", "bn", 8), case("vesta", "nb", 8),
         0.5, 0.8, "an I/O node has 128 places to read on at, and buffers for 28 of them"),
    over("the same column by column", case("vesta", "bn", 8, "columns"), case("vesta", "nb", 8),
         0.75, 1.25, "four rows of a cell in a request: 256 KiB at a place"),
    over("blocks column by column", case("vesta", "bb", 16, "columns"), case("vesta", "bb", 16),
         nil, 0.5, "all begin with the first cell of their blocks: four cells for 32 programs"),
    over("blocks: 8 I/O nodes over 2", case("vesta", "bb", 8), case("vesta", "bb", 2), 5, nil,
         "of 128 places, too: more than linear, until there are buffers enough"),
    over("rows: 16 I/O nodes over 4", case("vesta", "cn", 16), case("vesta", "cn", 4), 3.6, 4.4,
         "[Corbett & Feitelson 1996]: linear in I/O nodes; an arm is the limit"),
    over("rows: 4 I/O nodes over 1", case("vesta", "cn", 4), case("vesta", "cn", 1), 3.6, 4.8),
    over("rows: Vesta over PFS", case("vesta", "cn", 16), case("pfs", "cn", 16), 1.3, nil,
         "a request for each entry, in place of one"),
    over("blocks: Vesta over PFS", case("vesta", "bb", 16), case("pfs", "bb", 16), 1.2),
    over("cyclic: Vesta over PFS", case("vesta", "cc", 16), case("pfs", "cc", 16), 1.3),
    over("rows: Vesta over PFS with as many buffers", case("vesta", "cn", 16),
         case("cached", "cn", 16), 1.3),
    over("blocks: Vesta over PFS with as many buffers", case("vesta", "bb", 16),
         case("cached", "bb", 16), 0.9, 1.25, "16 requests of a block meet its buffers: no loss"),
    over("cyclic: Vesta over PFS with as many buffers", case("vesta", "cc", 16),
         case("cached", "cc", 16), 0.75, 1.1, "as there, and PFS has one stretch on each array"),
  },
  figure = {
    x = "io_nodes", y = "file.bandwidth", by = "part", where = { system = "vesta", order = "rows" },
    x_label = "I/O nodes", y_label = "read bandwidth of 32 programs",
  },
  measures = { "file.bandwidth", "file.latency", "file.queue", "file.mesh", "file.arm" },
}
