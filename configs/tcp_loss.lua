-- TCP: how fast a stream goes where segments are lost, by what a loss does to the window.
--
--   psim figure tcp_loss
--   psim run tcp_loss -p loss=0.02 -p recovery=sack
--   psim run tcp_loss -p recovery=newreno -p delay=3ms -p window=16KiB
--
-- Where a part p of the segments is lost, a stream that halves its window for each has at most
-- MSS / RTT * sqrt(3/2) / sqrt(p) [Mathis, Semke, Mahdavi and Ott 1997]; what waits for time-outs,
-- and for acknowledgements that come for every other segment, lies below.
local hosts = include "parts/tcp_streams.lua"
local kinds = { "tahoe", "reno", "newreno", "sack" }
local losses = { 0.001, 0.003, 0.01, 0.03 }
local recovery = param("recovery", "reno", kinds)
local windows = { { "16KiB", 16384 }, { "128KiB", 131072 } }
local delays = { { "300us", 3e-4 }, { "1ms", 1e-3 }, { "3ms", 3e-3 } } -- of a channel; four a round
local window, delay = param("window", "128KiB"), param("delay", "1ms")

local expectations = {}
-- Window, delay and loss together: whichever binds; the part of the few thousand segments that is
-- lost is drawn, and may be a third less than p.
for _, w in ipairs(windows) do
    for _, d in ipairs(delays) do
        for _, p in ipairs(losses) do
            local round = 4 * d[2]
            local most = hosts.mss / round * math.sqrt(1.5 / (p * 2 / 3))
            expectations[#expectations + 1] = {
                kind = "range", max = math.min(most, w[2] / round, hosts.link),
                name = string.format("newreno, %s, %s, %g: below the bounds", w[1], d[1], p),
                at = { recovery = "newreno", window = w[1], delay = d[1], loss = p },
                citation = "Mathis et al. 1997; derived: a window each round trip",
            }
        end
    end
end
for _, kind in ipairs(kinds) do
    for _, p in ipairs(losses) do
        local bound = hosts.mss / 4e-3 * math.sqrt(1.5 / p)
        expectations[#expectations + 1] = {
            kind = "range", name = string.format("%s, %g: below the bound", kind, p),
            at = { recovery = kind, loss = p, window = "128KiB", delay = "1ms" },
            max = math.min(bound, hosts.link),
            citation = "Mathis et al. 1997",
        }
    end
    expectations[#expectations + 1] = {
        kind = "range", name = kind .. ", 0.001: not far below",
        at = { recovery = kind, loss = 0.001, window = "128KiB", delay = "1ms" },
        min = 0.3 * hosts.mss / 4e-3 * math.sqrt(1500),
        citation = "derived: of few losses few are of two segments in a window, and wait",
    }
end
for _, kind in ipairs { "newreno", "sack" } do
    expectations[#expectations + 1] = {
        kind = "ratio", name = kind .. ", 0.01: no slower than tahoe",
        at = { recovery = kind, loss = 0.01, window = "128KiB", delay = "1ms" },
        over = { recovery = "tahoe", loss = 0.01, window = "128KiB", delay = "1ms" },
        min = 0.95,
        citation = "Fall and Floyd 1996: they recover from several losses in a window",
    }
end

return {
    title = "TCP: throughput where segments are lost",
    doc = "Bytes a second of one stream between programs at an ATM switch, by loss and recovery.",
    machine = hosts.machine {
        window = window, delay = delay, loss = param("loss", 0.01),
        tcp = { congestion = recovery == "sack" and "reno" or recovery, sack = recovery == "sack" },
    },
    workload = { kind = "tcp", bytes = "4MiB", chunk = "8KiB" },
    sweep = {
        product = { recovery = kinds, loss = losses, window = { "16KiB", "128KiB" },
                    delay = { "300us", "1ms", "3ms" } },
        constraint = function(p)
            return p.recovery == "newreno" or (p.window == "128KiB" and p.delay == "1ms")
        end,
    },
    measures = { "tcp_streams.goodput", "tcp.sndrexmitpack", "tcp.rexmttimeo", "tcp.fastrexmit" },
    figure = {
        x = "loss", y = "tcp_streams.goodput", by = { "recovery", "window", "delay" }, log = "xy",
        x_label = "part of the segments lost", y_label = "goodput", expectations = expectations,
    },
}
