-- A mix of jobs as CHARISMA found it on an iPSC/860: most requests are small, most files only
-- written, most jobs of one node; with and without buffers at the I/O nodes.
--
--   psim run io_charisma
--   psim run io_charisma -p jobs=500 -p machine=machines/paragon.lua -p block=64KiB
--
-- block: of the I/O nodes' file systems, and the stripe unit.  Its size bounds a file's record,
-- and so how many gaps a file may have while many nodes write it: of hundreds of jobs one may be
-- refused ("no space") with blocks of 4 KiB.
-- The I/O nodes are those of cfs_patterns; docs/models/applications.md says what is drawn how.
local preset = include(param("machine", "machines/ipsc860.lua"))
local services = include "parts/services.lua"

local system = param("system", "pfs")
local small, large = { buffers = 0 }, { buffers = 512 }
local buffers, block = param("buffers", 512), param("block", "4KiB")
local cited = "Kotz and Nieuwejaar, Dynamic File-Access Characteristics of a Production Parallel "
  .. "Scientific Workload, SC'94, as recalled: small buffers at I/O nodes serve most requests"

return {
  title = "A mix of jobs with many small requests",
  machine = preset {
    dimension = 8, rows = param("rows", 9), columns = param("columns", 16), io_nodes = 10,
    model = "ideal",
    storage = { kind = "disk", model = "HP 97560", bus = { rate = "1.07MB/s" },
                queue = { policy = "clook" } },
    os = system ~= "pfs" and services[system] or {
      pfs_server = { lfs = { block = block, prealloc = 256, buffered = buffers > 0,
                             cache = math.max(buffers, 16), read_ahead = 4 } },
    },
  },
  workload = {
    kind = "charisma", system = system, nodes = param("nodes", 128), unit = block,
    mix = { jobs = param("jobs", 64), seed = param("seed", 1) },
  },
  sweep = { product = { buffers = { 0, 64, 512 } } },
  measures = { "charisma.mix", "file.latency", "file.bandwidth", "app.reads", "app.writes",
               "app.read_share", "app.write_share", "app.open_share" },
  figure = {
    x = "buffers", y = "file.latency", x_label = "buffers of 4 KiB at an I/O node",
    y_label = "time of a request",
    expectations = system == "pfs" and {
      { kind = "ratio", name = "requests without buffers over requests with", at = small,
        over = large, min = 1.2, citation = cited, confidence = "medium" },
    } or nil,
  },
}
