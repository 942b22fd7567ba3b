-- Saturated FDDI: how much of the ring do stations use that always have a frame to send, by the
-- target rotation time?  The closed form takes short frames; a holder that begins one just before
-- its time is over overruns by up to a frame, and each token that is sent costs its own length.
-- The ring of Jain's cases is made of n stations and as much fibre as its latency needs.
local cases = {
    typical_20 = { stations = 20, latency = 0.04 },           -- latency in ms
    big_1 = { stations = 1, latency = 1.12 },
    big_20 = { stations = 20, latency = 1.12 },
    largest_1 = { stations = 1, latency = 2.02 },
    largest_20 = { stations = 20, latency = 2.02 },
}
local names = { "typical_20", "big_1", "big_20", "largest_1", "largest_20" }
local titles = {
    typical_20 = "0.04 ms, 20 stations", big_1 = "1.12 ms, 1", big_20 = "1.12 ms, 20",
    largest_1 = "2.02 ms, 1", largest_20 = "2.02 ms, 20",
}
local ttrt = { 4, 8, 16, 32 }                                 -- ms
local BYTES = 1000
local FRAME, TOKEN = (BYTES + 8) * 80e-6, 0.88e-3             -- ms [ANSI X3.139]
local MEASURE = 3500                                          -- ms
local paper = "Jain 1991: U = n (T - D) / (n T + D)"

local published, expectations = {}, {}
for _, name in ipairs(names) do
    local n, d = cases[name].stations, cases[name].latency
    local points = {}
    for k, t in ipairs(ttrt) do
        local u = n * (t - d) / (n * t + d)
        local off = (FRAME + 2 * TOKEN) / (t - d) + t / MEASURE
        points[k] = { t .. "ms", u * BYTES / (BYTES + 8) }
        expectations[#expectations + 1] = {
            kind = "range", name = string.format("%s, TTRT %d ms", titles[name], t),
            at = { case = name, ["mesh.ttrt"] = t .. "ms" },
            min = points[k][2] - off, max = points[k][2] + off, citation = paper,
        }
    end
    published[#published + 1] = { name = "Jain, " .. titles[name], of = name, points = points,
                                  citation = paper, confidence = "high" }
end

local case = cases[param("case", "typical_20", names)]

return {
    title = "FDDI at saturation, by target rotation time, latency and stations",
    doc = "Share of time that bytes of frames cross a ring whose stations always have some.",
    mesh = {
        kind = "fddi", stations = case.stations,
        length = (case.latency * 1000 - case.stations) / 5.085,  -- 1 us a station, 5.085 us a km
        ttrt = param("mesh.ttrt", "8ms"),
    },
    workload = {
        kind = "mesh_load",
        -- One station sends to itself, around the ring.
        self_sends = case.stations == 1,
        pattern = case.stations == 1 and "list" or "uniform",
        destinations = case.stations == 1 and { 0 } or nil,
        packet_flits = BYTES,
        load = 1.3 / case.stations, process = "poisson",
        warmup = "700ms", measure = MEASURE .. "ms", drain = "0",
    },
    sweep = { product = { case = names, ["mesh.ttrt"] = { "4ms", "8ms", "16ms", "32ms" } } },
    measures = { "channel_busiest", "network.tokens_taken", "network.wait_longest_us",
                 "network.rotation_longest_us" },
    figure = {
        x = "mesh.ttrt", y = "channel_busiest", by = "case", log = "x",
        x_label = "target token rotation time", y_label = "utilisation",
        published = published,
        expectations = expectations,
    },
}
