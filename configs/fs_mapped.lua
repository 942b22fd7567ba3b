-- One file by three ways: mapped into the memory of programs, by requests through a cache, by
-- requests past all buffers; and what it costs that all of them, on many nodes, see one truth.
--
--   psim figure fs_mapped
--   psim run fs_mapped -p access=mapped -p nodes=8
--   psim run fs_mapped -p access=direct -p work=scan
--   psim run fs_mapped -p protocol=unheeding -p work=counter -p nodes=2   (fails: a stale read)
--
-- access:   mapped, cached, direct
-- work:     scan           each program reads a file of its own once
--           reread         at random what it has read before
--           counter        all add one to a shared word, in turns
--           false_sharing  each writes a word of its own and reads it, all words in one block
-- protocol: file           tokens of whole files
--           range          tokens of bytes, as few as a word
--           unheeding      the same layers without tokens: nodes do not know of each other
local paragon = include "machines/paragon.lua"

local nodes, access = param("nodes", 4), param("access", "mapped", { "mapped", "cached", "direct" })
local work = param("work", "reread", { "scan", "reread", "counter", "false_sharing" })
local requests, warmup = 100, 10

local keeps = {
  { layer = "mapped" }, { layer = "cache", bytes = "2MiB", block = "4KiB" }, { layer = "remote" },
}
local stacks = {
  file = { { layer = "token", protocol = "file" }, table.unpack(keeps) },
  range = {
    { layer = "token", protocol = { policy = "range", block = "8B" } }, table.unpack(keeps),
  },
  unheeding = keeps,
}
local protocol = param("protocol", "file", stacks)

local function at(a, w, n, p) return { access = a, work = w, nodes = n, protocol = p or "file" } end
local function equals(name, measure, point, value, doc)
  return { kind = "value", name = name, measure = measure, at = point, equals = value, within = 0,
           doc = doc }
end
local function ratio(name, point, over, least, most, doc)
  return { kind = "ratio", name = name, measure = "access.time.mean", at = point, over = over,
           min = least, max = most, doc = doc }
end

return {
  title = "Mapped, cached and direct: one file by three ways",
  machine = paragon {
    rows = 4, columns = nodes // 4 + 2, io_nodes = 1, storage = { kind = "disk" },
    os = {
      { service = "nx" },
      { service = "file_server", files = {
        { layer = "lfs", block = "4KiB", buffered = true, cache = 64, files = nodes + 64 } } },
      { service = "token_server" },
      { service = "file_client", files = stacks[protocol] },
    },
  },
  workload = {
    kind = "access", nodes = nodes, access = access, work = work, size = "4KiB",
    bytes = "1MiB", memory = { page = "4KiB" }, requests = requests, warmup = warmup,
    think = "20us", start = "0s", sync = "none",
  },
  sweep = {
    product = {
      access = { "mapped", "cached", "direct" },
      work = { "scan", "reread", "counter", "false_sharing" }, nodes = { 1, 4, 16 },
      protocol = { "file", "range" },
    },
    constraint = function(p)
      return p.protocol ~= "range" or (p.work == "false_sharing" and p.nodes == 4)
    end,
  },
  measures = {
    "access.time.mean", "access.rate", "mapped.faults", "mapped.page_ins", "mapped.page_outs",
    "mapped.taken", "cache.hits", "cache.past", "token.recalls", "access.checked",
  },
  figure = {
    x = "nodes", y = "access.time.mean", by = "access",
    where = { work = "counter", protocol = "file" },
    x_label = "nodes that count in turns", y_label = "time of a load or a store",
  },
  expectations = {
    equals("a scan: a fault a page", "mapped.faults", at("mapped", "scan", 1), requests,
           "a request is a page"),
    ratio("a scan: mapped over cached", at("mapped", "scan", 1), at("cached", "scan", 1), 0.9, 1.1,
          "both wait for the disk, which the same cache reads ahead"),
    equals("a mapped re-read: faults", "mapped.faults", at("mapped", "reread", 4), 0,
           "all its pages are mapped"),
    equals("a mapped re-read: its time", "access.time.mean", at("mapped", "reread", 4), 0,
           "no call, no copy: loads are the program's own time"),
    equals("a cached re-read: misses past the cache", "cache.past", at("cached", "reread", 4), 0,
           "all blocks are in the cache"),
    ratio("a random re-read: direct over cached", at("direct", "reread", 1),
          at("cached", "reread", 1), 50, nil, "a device's access against a look-up and a copy"),
    equals("counting alone: faults", "mapped.faults", at("mapped", "counter", 1), 0,
           "the page is there and may be written"),
    equals("counting in turns: pages read", "mapped.page_ins", at("mapped", "counter", 4),
           4 * requests, "each turn reads the page from where the last one wrote it"),
    equals("counting in turns: pages written", "mapped.page_outs", at("mapped", "counter", 4),
           4 * requests, "as the next one reads"),
    equals("counting in turns: recalls", "token.recalls", at("mapped", "counter", 4),
           2 * 4 * requests, "of the writer as the next reads, of all as it writes"),
    equals("the same by requests: recalls", "token.recalls", at("direct", "counter", 4),
           2 * 4 * requests, "a token knows no ways"),
    ratio("counting in turns: mapped over direct", at("mapped", "counter", 4),
          at("direct", "counter", 4), 2, 8, "a page of 4 KiB there and back for a word of 8 bytes"),
    equals("false sharing, tokens of bytes: recalls by requests", "token.recalls",
           at("direct", "false_sharing", 4, "range"), 0, "each has the bytes of its own word"),
    ratio("false sharing, mapped: tokens of bytes over those of files",
          at("mapped", "false_sharing", 4, "range"), at("mapped", "false_sharing", 4), 0.9, 1.1,
          "a page is the least that memory shares"),
  },
}
