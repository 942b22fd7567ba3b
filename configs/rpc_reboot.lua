-- A server reboots under calls, over a network whose headers name no life, and the failure detector
-- is slow: with BID below the calls that is noticed from the wire, else when the detector says so.
--
--   psim run rpc_reboot
--   psim run rpc_reboot -p tick=10s       -- BID asks who is silent after five ticks
--
-- Nothing is lost here but with the server, so CHAN sets no timers: a call that was out when the
-- server went waits for news of it.  BID's question to the silent server is answered by its next
-- life, the call ends as one that may be done or not, and the program makes it again.
local paragon = include "machines/paragon.lua"
local by = param("by", "bid", { "bid", "detector" })
local tick = param("tick", "1s")

local graph = {
  { name = "mesh", protocol = "driver", lives = false },
  { name = "rdm", protocol = "rdm", below = { "mesh" } },
  { name = "nx", protocol = "nx", below = { "rdm" } },
}
if by == "bid" then
  graph[#graph + 1] =
    { name = "bid", protocol = "bid", below = { "mesh" }, tick = tick }
end
for _, instance in ipairs {
  { name = "blast", protocol = "blast", below = { by == "bid" and "bid" or "mesh" } },
  { name = "chan", protocol = "chan", below = { "blast" } },
  { name = "rpc", protocol = "select", below = { "chan" } },
} do graph[#graph + 1] = instance end

local expectations = {
  { kind = "range", name = "without: when the detector tells", measure = "meta.latency.max",
    at = { by = "detector" }, min = "1min", max = "61s", citation = "derived: detector_delay" },
  { kind = "range", name = "one call was out", measure = "chan.failures", at = { by = "bid" },
    min = 1, max = 1, citation = "derived: one program" },
}
if tick == "1s" then
  expectations[#expectations + 1] = {
    kind = "range", name = "asked after five ticks: the call has ended by the sixth",
    measure = "meta.latency.max", at = { by = "bid" }, min = "4s", max = "6s",
    citation = "derived: x-kernel's keep-alive of five ticks",
  }
end

return {
  title = "A server reboots",
  doc = "How long a call waits for news of a server that came back without it.",
  machine = paragon {
    rows = 2, columns = 4, io_nodes = 1, storage = { kind = "raid3" }, graph = graph,
    faults = { { path = "node 7", at = "300ms", after = "50ms" } },
    detector_delay = param("detector_delay", "1min"),
  },
  workload = {
    kind = "metadata", nodes = 1, requests = 8, warmup = 0, bytes = "4KiB", retries = 100,
  },
  sweep = { product = { by = { "bid", "detector" } } },
  measures = {
    "meta.latency.max", "meta.create.mean", "machine.crashes", "bid.queries", "bid.responses",
    "chan.failures",
  },
  expectations = expectations,
}
