-- One name space over many I/O nodes: programs look up paths of files of their own, or of all.
--
--   psim figure fs_names
--   psim run fs_names -p clients=128 -p io_nodes=32 -p protocol=kept
--   psim run fs_names -p protocol=table -p shared=0.5 -p changes=0.1
--   psim run fs_names -p largest=1024
--   psim figure fs_names -p drawn=changes
--
-- protocol: root   no table of prefixes: each path is looked up from the root's node on
--           table  each path goes to the node of its longest prefix
--           kept   names are kept, too, under tokens of their directories
-- Each I/O node has one subtree of the root; the root is the first one's.
-- drawn:    nodes or changes: what the figure shows
local paragon = include "machines/paragon.lua"

local clients, io_nodes = param("clients", 64), param("io_nodes", 16)
local changes = param("changes", 0)
local shared = param("shared", changes > 0 and 0.5 or 0)
local bottoms = {
  root = { layer = "prefix", table = false },
  table = { layer = "prefix" },
  kept = { layer = "prefix", keep = true },
}
local protocol = param("protocol", "table", bottoms)
local drawn = param("drawn", "nodes", { "nodes", "changes" })
local largest = param("largest", 256)
local all = clients + io_nodes
local rows = all > 256 and 32 or all > 64 and 16 or 8

local domains = { { path = "/", nodes = { 0 } } }
for i = 1, io_nodes do domains[i + 1] = { path = "s" .. (i - 1), nodes = { i - 1 } } end

local function at(p, n, io, ch)
  return { protocol = p, clients = n, io_nodes = io, changes = ch or 0 }
end
local function quiet(n, io)
  return { kind = "value", name = ("nothing shared, %d clients: calls"):format(n),
           measure = "prefix.calls", at = at("kept", n, io), equals = 0, within = 0,
           doc = "names of its own directory a node has from before the window on" }
end

return {
  title = "One name space: look-ups of paths on many I/O nodes",
  machine = paragon {
    rows = rows, columns = all // rows + 2, io_nodes = io_nodes, storage = { kind = "disk" },
    os = {
      { service = "nx" },
      { service = "file_server", files = {
        { layer = "domains", domains = domains },
        { layer = "lfs", block = "4KiB", cache = 256 } } },
      { service = "file_client", files = { bottoms[protocol] } },
    },
  },
  workload = {
    kind = "names", system = "files", nodes = clients, subtrees = io_nodes, depth = 2, files = 4,
    shared = shared, changes = changes, requests = 100, warmup = 20, start = "0",
    sync = "none",
  },
  sweep = {
    product = {
      protocol = { "root", "table", "kept" }, clients = { 8, 64, largest },
      io_nodes = { 1, 4, 16, 64 }, changes = { 0, 0.01, 0.1, 0.3 },
    },
    -- of the largest machine, and of changes, one case alone, unless other numbers are asked for
    constraint = function(p)
      if p.clients == 64 and p.io_nodes == 16 then return true end
      if p.clients == 8 or p.clients == 64 then return p.changes == 0 end
      return p.clients ~= largest or
             (p.protocol == "kept" and p.io_nodes == 64 and p.changes == 0)
    end,
  },
  measures = {
    "names.requests", "names.latency.mean", "names.calls", "prefix.calls", "prefix.kept",
    "domains.recalls",
  },
  figure = drawn == "nodes" and {
    x = "io_nodes", y = "names.requests", by = "protocol", log = "xy",
    where = { clients = 64, changes = 0 },
    x_label = "I/O nodes", y_label = "look-ups of 64 programs a second",
  } or {
    x = "changes", y = "names.calls", by = "protocol",
    where = { clients = 64, io_nodes = 16 },
    x_label = "share of requests that make or remove a name, half of all in shared directories",
    y_label = "calls for names, of a path",
  },
  expectations = {
    quiet(8, 4), quiet(64, 16), quiet(largest, 64),
    { kind = "value", name = "a table: calls for a path", measure = "names.calls",
      at = at("table", 64, 16), equals = 1, within = 0,
      doc = "[Welch & Ousterhout 1986]: the server of a file is asked, and no other" },
    { kind = "value", name = "no table: calls for a path", measure = "names.calls",
      at = at("root", 64, 16), equals = 2, within = 0.03, doc = "the root's node, and the file's" },
    { kind = "ratio", name = "a table: 64 I/O nodes over 16", measure = "names.requests",
      at = at("table", 64, 64), over = at("table", 64, 16), min = 2,
      doc = "nobody asks the root's node" },
    { kind = "ratio", name = "no table: 64 I/O nodes over 16", measure = "names.requests",
      at = at("root", 64, 64), over = at("root", 64, 16), max = 1.3,
      doc = "all ask the root's node" },
    { kind = "ratio", name = "names kept over a table", measure = "names.requests",
      at = at("kept", 64, 16), over = at("table", 64, 16), min = 5, doc = "no message" },
  },
}
