-- How fast is one HIPPI connection over long links?  A burst of 1,024 bytes needs a READY, which is
-- back a round trip after the burst: with K of them ahead no more than K bursts a round trip.
local km = { 0.025, 0.3, 1, 3, 10, 30 }
local credits = { 1, 4, 16, 63 }
local WORD, BURST = 40e-9, 256                                -- s, words [ANSI X3.183]
local WORDS = 65536
local closed = "derived: min(a burst and its check word, K bursts a round trip)"

local published, expectations = {}, {}
for _, k in ipairs(credits) do
    local points = {}
    for i, length in ipairs(km) do
        local round = BURST * WORD + 4 * length * 1000 / (0.66 * 299792458)
        local rate = math.min(BURST / (BURST + 1), k * BURST * WORD / round)
        points[i] = { length * 1000, rate }
        expectations[#expectations + 1] = {
            kind = "range", name = string.format("%d credits, %g km", k, length),
            at = { ["mesh.credits"] = k, ["mesh.length"] = length * 1000 },
            min = 0.99 * rate, max = 1.01 * rate, citation = closed,
        }
    end
    published[#published + 1] = { name = string.format("K = %d", k), of = k, points = points,
                                  citation = closed, confidence = "high" }
end

return {
    title = "HIPPI: rate of a connection by length of links and credits",
    doc = "Share of 100 MB/s; packets of 256 KiB from one station to another, without an end.",
    mesh = {
        kind = "hippi", stations = 2, packets = 0,
        length = param("mesh.length", 25), credits = param("mesh.credits", 63),
    },
    workload = {
        kind = "mesh_load", packet_flits = WORDS,
        load = 1, process = "poisson", pattern = "table", rates = { { 0, 1, 1.3 } },
        warmup = "2s", measure = "30s", drain = "0",
    },
    sweep = {
        product = {
            ["mesh.credits"] = credits,
            ["mesh.length"] = { 25, 300, 1000, 3000, 10000, 30000 },
        },
    },
    measures = { "channel_busiest", "network.bursts", "network.connections" },
    figure = {
        x = "mesh.length", y = "channel_busiest", by = "mesh.credits", log = "xy",
        x_label = "length of a link (m)", y_label = "share of 100 MB/s",
        published = published,
        expectations = expectations,
    },
}
