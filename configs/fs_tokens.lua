-- What it costs that the caches of many nodes agree: programs read and write records of files of
-- their own and of one that all share, on one I/O node.
--
--   psim figure fs_tokens
--   psim run fs_tokens -p protocol=unheeding -p shared=0.5     (fails: its reads are stale)
--   psim run fs_tokens -p largest=1024
--   psim run fs_tokens -p nodes=64 -p many=true
--
-- protocol: none       every request goes to the I/O node
--           tokens     a cache on each node, below the layer `token`
--           unheeding  the same caches without tokens: they do not know of each other.  With a
--                      shared file the run's check must find stale reads
local paragon = include "machines/paragon.lua"

local shared, nodes = param("shared", 0.5), param("nodes", 8)

local cache = { layer = "cache", bytes = "1MiB", block = "4KiB", read_ahead = "none" }
local stacks = {
  none = { { layer = "remote" } },
  tokens = { { layer = "token" }, cache, { layer = "remote" } },
  unheeding = { cache, { layer = "remote" } },
}
local protocol = param("protocol", "tokens", stacks)
local many, largest = param("many", false), param("largest", 256)
local rows = nodes > 64 and 16 or 4

local function at(p, s, n) return { protocol = p, shared = s, nodes = n or 8 } end
local function quiet(n)
  return { kind = "value", name = "nothing shared, " .. n .. " nodes: calls for tokens",
           measure = "token.calls", at = at("tokens", 0, n), equals = 0, within = 0,
           doc = "the token of its own file a node has from before the window on" }
end

return {
  title = "Tokens: caches of many nodes over one file system",
  machine = paragon {
    rows = rows, columns = nodes // rows + 2, io_nodes = 1, storage = { kind = "disk" },
    os = {
      { service = "nx" },
      { service = "file_server", files = {
        { layer = "lfs", block = "4KiB", buffered = true, cache = 4096, files = nodes + 64 } } },
      { service = "token_server" },
      { service = "file_client", files = stacks[protocol] },
    },
  },
  workload = {
    kind = "sharing", system = "files", nodes = nodes, size = "4KiB", records = 16,
    shared = shared, writes = 0.3, requests = 100, warmup = 10, sync = "none",
  },
  sweep = {
    product = {
      protocol = { "none", "tokens" }, shared = { 0, 0.05, 0.25, 0.5, 1 },
      nodes = { 8, 64, largest },
    },
    -- more nodes in one case alone, unless they are asked for
    constraint = function(p)
      return p.nodes == 8 or many or (p.protocol == "tokens" and p.shared == 0)
    end,
  },
  measures = {
    "sharing.requests", "sharing.latency.mean", "token.grants", "token.recalls", "token.calls",
    "sharing.checked",
  },
  figure = {
    x = "shared", y = "sharing.requests", by = "protocol", where = { nodes = 8 }, log = "y",
    x_label = "share of requests to the shared file", y_label = "requests of 8 programs a second",
  },
  expectations = {
    quiet(8), quiet(64), quiet(largest),
    { kind = "ratio", name = "nothing shared: tokens over none", measure = "sharing.requests",
      at = at("tokens", 0), over = at("none", 0), min = 5,
      doc = "all is in the caches" },
    { kind = "ratio", name = "all shared: tokens over none", measure = "sharing.requests",
      at = at("tokens", 1), over = at("none", 1), max = 1,
      doc = "the token goes from node to node, and the bytes by way of the I/O node" },
  },
}
