-- What a list costs under tokens: programs write records that go round among them, several in one
-- request, in a file that all share and all cache; each writes its own again and again.
--
--   psim run token_lists -j2
--   psim run token_lists -p protocol=range -p records=16
--
-- protocol: of how much a token is: a file, or ranges
-- records:  in one list.  Up to 8 ranges are asked for as they are, of more the list's span, which
--           has the records of all others, too
local paragon = include "machines/paragon.lua"

local protocol = param("protocol", "range", { "file", "range" })
local records = param("records", 8)
local tokens = protocol == "range" and { policy = "range", block = "4KiB" } or "file"

return {
  title = "Lists under tokens: records that go round among the programs",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 1, storage = { kind = "disk" },
    os = {
      { service = "nx" },
      { service = "file_server", files = {
        { layer = "lfs", buffered = true, cache = 256, files = 64 } } },
      { service = "token_server" },
      { service = "file_client", files = {
        { layer = "token", protocol = tokens },
        { layer = "cache", bytes = "4MiB", block = "4KiB", read_ahead = "none" },
        { layer = "remote" } } },
    },
  },
  workload = {
    kind = "io", system = "files", op = "write", nodes = 8, access = "strided", method = "list",
    size = 4 * records .. "KiB", requests = 64, warmup = 16, span = 8, shape = { record = "4KiB" },
  },
  sweep = { product = { protocol = { "file", "range" }, records = { 4, 8, 16 } } },
  measures = { "file.bandwidth", "token.calls", "token.recalls" },
  expectations = {
    { kind = "value", name = "few ranges: calls for tokens", measure = "token.calls",
      at = { protocol = "range", records = 8 }, equals = 0, within = 0,
      doc = "after the rounds before the window each program has its records" },
    { kind = "ratio", name = "many ranges: calls, over those of a file", measure = "token.calls",
      at = { protocol = "range", records = 16 }, over = { protocol = "file", records = 16 },
      min = 1, doc = "what a list spans is all programs': it goes to and fro as a file does" },
  },
}
