-- What it costs that the caches of many nodes agree: programs read and write records of files of
-- their own and of one that all share, on one I/O node.
--
--   psim figure fs_tokens
--   psim figure fs_tokens -p drawn=parts
--   psim run fs_tokens -p protocol=ranges -p parts=true -p shared=1
--   psim run fs_tokens -p protocol=unheeding -p shared=0.5     (fails: its reads are stale)
--   psim run fs_tokens -p crash=700ms -p protocol=ranges -p parts=true -p shared=1
--   psim run fs_tokens -p crash=700ms -p victim=server -p shared=1 -p nodes=8     (fails)
--   psim run fs_tokens -p largest=1024
--   psim run fs_tokens -p nodes=64 -p many=true
--
-- protocol: none       every request goes to the I/O node
--           tokens     a cache on each node, below the layer `token`: of whole files
--           ranges     the same, of ranges
--           unheeding  the same caches without tokens: they do not know of each other.  With a
--                      shared file the run's check must find stale reads
-- parts:    false      the programs are after the same records of the shared file
--           true       each has a part of it, and nobody else touches that: what the programs share
--                      is the file alone (false sharing).  No cache is stale then
-- crash:    when a node dies (0s: none does), in the middle of programs that think between
--           requests: what its cache had not propagated is lost, and the results say how much, and
--           of which ranges.  The others go on, and are judged
-- victim:   program, one of those; or server, for good: node 11, which of 8 programs' machine is
--           the I/O node with the files and their tokens.  Requests end as "server down"
-- drawn:    records or parts: which of the two the figure shows
local paragon = include "machines/paragon.lua"

local shared, nodes, parts = param("shared", 0.5), param("nodes", 8), param("parts", false)

local cache = { layer = "cache", bytes = "1MiB", block = "4KiB", read_ahead = "none" }
local stacks = {
  none = { { layer = "remote" } },
  tokens = { { layer = "token" }, cache, { layer = "remote" } },
  ranges = { { layer = "token", protocol = { policy = "range", block = "4KiB" } }, cache,
             { layer = "remote" } },
  unheeding = { cache, { layer = "remote" } },
}
local protocol = param("protocol", "tokens", stacks)
local drawn = param("drawn", "records", { "records", "parts" })
local crash = param("crash", "0s")
local dies = crash ~= "0s"
local victim = param("victim", "program", { "program", "server" })
local many, largest = param("many", false), param("largest", 256)
-- Parts of many are written in any order: small blocks would be more extents than a file has.
local block = param("block", parts and nodes > 8 and "64KiB" or "4KiB")
local rows = nodes > 64 and 16 or 4

local function at(p, s, n, own)
  return { protocol = p, shared = s, nodes = n or 8, parts = own or false }
end
local function quiet(n)
  return { kind = "value", name = "nothing shared, " .. n .. " nodes: calls for tokens",
           measure = "token.calls", at = at("tokens", 0, n), equals = 0, within = 0,
           doc = "the token of its own file a node has from before the window on" }
end
local function over(p, s, q, own, bound)
  local e = { kind = "ratio", measure = "sharing.requests", at = at(p, s, 8, own),
              over = at(q, s, 8, own),
              name = ("%d %% shared, %s: %s over %s"):format(s * 100,
                own and "parts" or "records", p, q) }
  for k, v in pairs(bound) do e[k] = v end
  return e
end

return {
  title = "Tokens: caches of many nodes over one file system",
  machine = paragon {
    rows = rows, columns = nodes // rows + 2, io_nodes = 1, storage = { kind = "disk" },
    os = {
      { service = "nx" },
      { service = "file_server", files = {
        { layer = "lfs", block = block, buffered = true, cache = 4096, files = nodes + 64 } } },
      { service = "token_server" },
      { service = "file_client", files = stacks[protocol] },
    },
    faults = dies and {
      { path = victim == "server" and "node 11" or "node 3", action = "crash", at = crash },
    } or nil,
  },
  workload = {
    kind = "sharing", system = "files", nodes = nodes, size = "4KiB", records = 16, parts = parts,
    shared = shared, writes = 0.3, requests = 100, warmup = 10, sync = "none",
    deaths = dies, think = dies and "5ms" or "0",
  },
  sweep = {
    product = {
      protocol = { "none", "tokens", "ranges" }, shared = { 0, 0.05, 0.25, 0.5, 1 },
      nodes = { 8, 64, largest }, parts = { false, true },
    },
    -- more nodes, or parts of nothing, in one case alone, unless they are asked for
    constraint = function(p)
      local few = p.nodes == 8 or many or (p.protocol == "tokens" and p.shared == 0)
      return few and not (p.parts and p.shared == 0)
    end,
  },
  measures = {
    "sharing.requests", "sharing.latency.mean", "token.grants", "token.recalls", "token.calls",
    "sharing.checked", "cache.lost_bytes", "token_server.lost_most",
  },
  figure = {
    x = "shared", y = "sharing.requests", by = "protocol", log = "y",
    where = { nodes = 8, parts = drawn == "parts" },
    x_label = "share of requests to the shared file", y_label = "requests of 8 programs a second",
  },
  expectations = crash == "700ms" and {
    { kind = "value", name = "a node dies, parts, ranges: bytes lost", measure = "cache.lost_bytes",
      at = at("ranges", 1, 8, true), equals = 13 * 4096, within = 0,
      doc = "at 700 ms: 13 of the 16 records of its part, and of nothing else" },
  } or dies and {} or {
    quiet(8), quiet(64), quiet(largest),
    over("tokens", 0, "none", false, { min = 5, doc = "all is in the caches" }),
    over("tokens", 1, "none", false,
         { max = 1, doc = "the token goes from node to node, the bytes by way of the I/O node" }),
    over("ranges", 1, "tokens", true,
         { min = 5, doc = "each program's part is its own after a few requests" }),
    over("ranges", 1, "none", true, { min = 5, doc = "and then all is in the caches" }),
    over("tokens", 1, "none", true,
         { max = 1, doc = "a whole file goes to and fro though nobody wants what another has" }),
  },
}
