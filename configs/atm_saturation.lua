-- A switch with a first-in first-out queue at each input: the cell at its head waits for a channel
-- that another input has, and those behind it for that cell (head of line blocking).  How much of
-- the channels do inputs use that always have a cell?  With a queue at each output it is all.
local stations = { 2, 4, 8, 16 }
local SLOT, PAYLOAD, P = 53, 40, 0.98                        -- octets; bytes; cells a slot
local karol = { [2] = 0.75, [4] = 0.6553, [8] = 0.6184, [16] = 0.6013 }
local SHARE = PAYLOAD / SLOT             -- accepted, of a channel that is always used
local paper = "Karol, Hluchyj and Morgan, IEEE Trans. Comm. 35(12) 1987, table I"

local points, expectations = {}, {}
for k, n in ipairs(stations) do
    points[k] = { n, karol[n] * SHARE }
    expectations[#expectations + 1] = {
        kind = "range", name = string.format("input queues of %d stations", n),
        at = { stations = n, queue = "input" }, min = (karol[n] - 0.01) * SHARE,
        max = (karol[n] + 0.01) * SHARE,
        citation = paper,
    }
    expectations[#expectations + 1] = {
        kind = "range", name = string.format("output queues of %d stations", n),
        at = { stations = n, queue = "output" }, min = 0.965 * SHARE, max = SHARE,
        citation = "derived: an output queue loses nothing of its channel",
    }
end

return {
    title = "Input and output queues of an ATM switch at saturation",
    doc = "Bytes that stations get when all send cells of 40 bytes to any, in nearly each slot.",
    mesh = { kind = "atm", stations = param("stations", 4), rate = "taxi100",
             queue = param("queue", "input", { "output", "input" }), buffer_cells = 0 },
    workload = {
        kind = "mesh_load", self_sends = true,
        packet_flits = PAYLOAD, slot = SLOT, load = P * PAYLOAD / SLOT,
        warmup = "100ms", measure = "400ms", drain = "0",
    },
    sweep = { product = { queue = { "input", "output" }, stations = stations } },
    measures = { "accepted", "channel_busiest", "network.queue_longest" },
    figure = {
        x = "stations", y = "accepted", by = "queue", log = "x",
        x_label = "stations", y_label = "bytes a station and octet time",
        published = { { name = "Karol, input queues", of = "input", points = points,
                        citation = paper, confidence = "high" } },
        expectations = expectations,
    },
}
