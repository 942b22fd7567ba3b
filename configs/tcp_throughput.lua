-- TCP: how fast streams go over an ATM switch, by window and delay, and how several share a link.
--
--   psim figure tcp_throughput
--   psim run tcp_throughput -p window=16KiB -p delay=1ms -p flows=2
--
-- A stream sends no more than its window in each round trip, and no more than its link carries.
-- Streams to one program share its link.
local hosts = include "parts/tcp_streams.lua"
local seconds = { ["100us"] = 1e-4, ["1ms"] = 1e-3, ["10ms"] = 1e-2 }
local bytes = { ["8KiB"] = 8192, ["32KiB"] = 32768, ["128KiB"] = 131072 }
local windows, delays = { "8KiB", "32KiB", "128KiB" }, { "100us", "1ms", "10ms" }

local expectations = {}
for _, w in ipairs(windows) do
    for _, d in ipairs(delays) do
        local bound = math.min(bytes[w] / (4 * seconds[d]), hosts.link)
        expectations[#expectations + 1] = {
            kind = "range", name = w .. ", " .. d .. ": window over round trip, or the link",
            at = { window = w, delay = d, flows = 1 }, min = 0.55 * bound, max = bound,
            citation = "derived: a window each round trip of four channels",
        }
    end
end
for _, n in ipairs { 2, 8 } do
    local at = { window = "32KiB", delay = "1ms", flows = n }
    expectations[#expectations + 1] = {
        kind = "range", name = n .. " flows: the link is full", at = at,
        min = 0.8 * hosts.link, max = hosts.link,
        citation = "derived: two windows in a round trip are more than the link carries",
    }
    expectations[#expectations + 1] = {
        kind = "range", name = n .. " flows: all get the same", at = at, measure = "fairness.mean",
        min = 0.9, max = 1, citation = "derived: equal windows, one queue in order",
    }
end

return {
    title = "TCP: throughput by window, delay and flows",
    doc = "Bytes a second of streams between programs at an ATM switch.",
    machine = hosts.machine {
        window = param("window", "32KiB"), delay = param("delay", "1ms"), loss = 0.0,
    },
    workload = { kind = "tcp", flows = param("flows", 1), bytes = "8MiB", chunk = "8KiB" },
    sweep = {
        product = { window = windows, delay = delays, flows = { 1, 2, 8 } },
        constraint = function(p)
            return p.flows == 1 or p.delay == "1ms"
        end,
    },
    measures = { "tcp_streams.goodput", "flow.mean", "fairness.mean", "connect.mean",
                 "tcp.sndrexmitpack", "tcp.rexmttimeo" },
    figure = {
        x = "window", y = "tcp_streams.goodput", by = { "delay", "flows" }, log = "xy",
        x_label = "window", y_label = "goodput", expectations = expectations,
    },
}
