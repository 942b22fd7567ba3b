-- File views as in MPI-IO: a cube of 64 x 64 x 64 points of 16 bytes, of which each of 16 programs
-- sees its part of a darray: slabs, pencils, blocks, or planes dealt out in turn; read through the
-- view by each method of collective I/O.
--
--   psim figure pio_filetypes
--   psim run pio_filetypes -p part=blocks -p workload.system=vesta -p workload.method=two_phase
--
-- The library is os/pio/fview.h, over the common interface alone: docs/models/pio.md.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local system = param("workload.system", "pfs")
local n = 64
-- The grid of the programs, z, y, x; x lies in a row.
local grids = {
  slabs = { 16, 1, 1 }, pencils = { 4, 4, 1 }, blocks = { 4, 2, 2 }, columns = { 1, 4, 4 },
}
local parts = { "slabs", "planes", "pencils", "blocks", "columns" }

local function dims(part)
  if part == "planes" then
    return { { n = n, deal = "cyclic", parts = 16 }, { n = n }, { n = n } }
  end
  local list = {}
  for i, count in ipairs(grids[part]) do
    list[i] = { n = n, deal = count > 1 and "block" or "none", parts = count }
  end
  return list
end

local function over(a, b, method, min, max, doc)
  return { kind = "ratio", name = method .. ": " .. a .. " over " .. b,
           at = { part = a, ["workload.method"] = method },
           over = { part = b, ["workload.method"] = method }, min = min, max = max, doc = doc }
end

return {
  title = "File views: how a cube is dealt out",
  machine = paragon {
    rows = 4, columns = 6, io_nodes = 4, model = param("machine.network.model", "ideal"),
    storage = { kind = "raid3" },
    os = system == "vesta" and services.vesta or nil,
  },
  workload = {
    kind = "io", op = param("op", "read"), nodes = 16, system = system, access = "filetype",
    method = param("workload.method", "list"), readback = param("workload.readback", false),
    requests = 1, warmup = 0, start = "0", work = true,
    shape = {
      record = "16B",
      filetype = { { type = "darray", dims = dims(param("part", "blocks", parts)) } },
    },
  },
  sweep = {
    product = {
      part = parts,
      ["workload.method"] = { "pieces", "list", "sieve", "two_phase", "directed" },
    },
  },
  measures = { "file.bandwidth", "file.latency", "coll.requests", "coll.requested" },
  figure = {
    x = "part", y = "file.bandwidth", by = "workload.method",
    x_label = "a program's part", y_label = "bandwidth of all",
    expectations = {
      over("slabs", "columns", "pieces", 4, nil, "a column is 1,024 pieces of 256 bytes"),
      over("slabs", "columns", "two_phase", 0.5, 2, "whoever has what, all of the file is moved"),
      over("slabs", "columns", "directed", 0.5, 2, "the disks' order is the same"),
    },
  },
}
