-- TCP: how fast a stream goes where segments are lost, by what a loss does to the window.
--
--   psim figure tcp_loss
--   psim run tcp_loss -p loss=0.02 -p recovery=sack
--
-- Where a part p of the segments is lost, a stream that halves its window for each has at most
-- MSS / RTT * sqrt(3/2) / sqrt(p) [Mathis, Semke, Mahdavi and Ott 1997]; what waits for time-outs,
-- and for acknowledgements that come for every other segment, lies below.
local hosts = include "parts/tcp_streams.lua"
local kinds = { "tahoe", "reno", "newreno", "sack" }
local losses = { 0.001, 0.003, 0.01, 0.03 }
local recovery = param("recovery", "reno", kinds)

local expectations = {}
for _, kind in ipairs(kinds) do
    for _, p in ipairs(losses) do
        local bound = hosts.mss / 4e-3 * math.sqrt(1.5 / p)
        expectations[#expectations + 1] = {
            kind = "range", name = string.format("%s, %g: below the bound", kind, p),
            at = { recovery = kind, loss = p },
            max = math.min(bound, hosts.link),
            citation = "Mathis et al. 1997",
        }
    end
    expectations[#expectations + 1] = {
        kind = "range", name = kind .. ", 0.001: not far below",
        at = { recovery = kind, loss = 0.001 }, min = 0.3 * hosts.mss / 4e-3 * math.sqrt(1500),
        citation = "derived: of few losses few are of two segments in a window, and wait",
    }
end
for _, kind in ipairs { "newreno", "sack" } do
    expectations[#expectations + 1] = {
        kind = "ratio", name = kind .. ", 0.01: no slower than tahoe",
        at = { recovery = kind, loss = 0.01 }, over = { recovery = "tahoe", loss = 0.01 },
        min = 0.95,
        citation = "Fall and Floyd 1996: they recover from several losses in a window",
    }
end

return {
    title = "TCP: throughput where segments are lost",
    doc = "Bytes a second of one stream between programs at an ATM switch, by loss and recovery.",
    machine = hosts.machine {
        window = "128KiB", delay = "1ms", loss = param("loss", 0.01),
        tcp = { congestion = recovery == "sack" and "reno" or recovery, sack = recovery == "sack" },
    },
    workload = { kind = "tcp", bytes = "4MiB", chunk = "8KiB" },
    sweep = { product = { recovery = kinds, loss = losses } },
    measures = { "tcp_streams.goodput", "tcp.sndrexmitpack", "tcp.rexmttimeo", "tcp.fastrexmit" },
    figure = {
        x = "loss", y = "tcp_streams.goodput", by = "recovery", log = "xy",
        x_label = "part of the segments lost", y_label = "goodput", expectations = expectations,
    },
}
