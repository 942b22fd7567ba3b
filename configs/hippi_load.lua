-- A saturated HIPPI switch: sources that always have a packet, to destinations drawn evenly.  A
-- request to an output that is taken camps on it, or is rejected and made again; either way the
-- packets behind it wait, as in a switch with input queues.
local stations = { 2, 3, 4, 8, 16 }
local share = { [2] = .75, [3] = .683, [4] = .655, [8] = .618, [16] = .602 }
local WORDS, WORD, BURST = 16384, 40e-9, 256                  -- packets of 64 KiB [ANSI X3.183]
local LINK = 25 / (0.66 * 299792458)
local SETUP = 1e-6
local TURN = 4 * LINK + SETUP + (WORDS + WORDS / BURST - 1) * WORD
local karol = "Karol, Hluchyj and Morgan 1987: saturation of input queues"

local points, expectations = {}, {}
for k, n in ipairs(stations) do
    -- Of a connection's time, words are sent in this part.
    points[k] = { n, share[n] * WORDS * WORD / TURN }
    expectations[#expectations + 1] = {
        kind = "range", name = string.format("%d stations, camping on", n),
        at = { ["mesh.stations"] = n, ["mesh.camp_on"] = true },
        min = points[k][2] - 0.015, max = points[k][2] + 0.015, citation = karol,
    }
    expectations[#expectations + 1] = {
        kind = "range", name = string.format("%d stations, rejected: no more", n),
        at = { ["mesh.stations"] = n, ["mesh.camp_on"] = false },
        max = points[k][2] + 0.015, citation = karol,
    }
end

return {
    title = "HIPPI at saturation, by stations, camping on or rejected",
    doc = "Share of time that words cross an output, the mean of all; packets of 64 KiB.",
    mesh = {
        kind = "hippi", stations = param("mesh.stations", 8),
        camp_on = param("mesh.camp_on", true), retry = param("mesh.retry", "20us"),
    },
    workload = {
        kind = "mesh_load", packet_flits = WORDS, self_sends = true,
        load = 1.2, process = "poisson",
        warmup = "100ms", measure = "3s", drain = "0",
    },
    sweep = { product = { ["mesh.camp_on"] = { true, false }, ["mesh.stations"] = stations } },
    measures = { "channel_mean", "network.connections", "network.camped", "network.rejections" },
    figure = {
        x = "mesh.stations", y = "channel_mean", by = "mesh.camp_on", log = "x",
        x_label = "stations", y_label = "share of an output's time",
        published = {
            { name = "input queues", of = true, points = points, citation = karol,
              confidence = "high" },
        },
        expectations = expectations,
    },
}
