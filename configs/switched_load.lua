-- A switch with a station at each port: how long do frames wait for an output?  With frames of one
-- length and destinations drawn evenly an output has a queue like M/D/1, shorter as fewer inputs
-- feed it.  The closed form of N inputs is that of inputs in step, slot by slot; here each station
-- begins when it has a frame, so waits lie between it and M/D/1, the form of any number of inputs.
-- A frame waits for the gap behind the one before it, too.
local loads = { 0.2, 0.4, 0.6, 0.8, 0.9 }
local ports = { 3, 5, 17 }
local BYTES = 500
local BIT = 100e-9                                            -- s [IEEE 802.3]
local FRAME, GAP = (64 + 8 * BYTES) * BIT, 96 * BIT
local LINK = 100 / (0.6 * 299792458)
local ZERO = 2 * (FRAME + LINK)
local SLACK = { least = 0.95, most = 1.05 }                   -- of means over 20 s near saturation
local karol = "Karol, Hluchyj and Morgan 1987: W = (N - 1)/N p/(2 (1 - p)) slots, N inputs"

-- p: share of an output's slots, of frame and gap, that are taken; N inputs feed it.
local function wait(n, p)
    local few = n == math.huge and 1 or (n - 1) / n
    return few * p / (2 * (1 - p)) * (FRAME + GAP)
end

local published, expectations = {}, {}
for _, n in ipairs(ports) do
    local points = {}
    for k, load in ipairs(loads) do
        -- A load is of the bytes of frames, without preamble and gap.
        local p = load * (FRAME + GAP) / (8 * BYTES * BIT)
        points[k] = { load, ZERO + wait(n - 1, p) }
        expectations[#expectations + 1] = {
            kind = "range", name = string.format("%d stations at %g: in step to M/D/1", n, load),
            at = { ["mesh.stations"] = n, ["workload.load"] = load },
            min = ZERO + SLACK.least * wait(n - 1, p),
            max = ZERO + GAP + SLACK.most * wait(math.huge, p), citation = karol,
        }
    end
    published[#published + 1] = { name = string.format("inputs in step, %d stations", n), of = n,
                                  points = points, citation = karol, confidence = "high" }
end

return {
    title = "Switched Ethernet: latency by load and stations",
    doc = "From a frame's turn at its station to its delivery, at 10 Mb/s in full duplex.",
    mesh = {
        kind = "switched", stations = param("mesh.stations", 17),
        duplex = param("mesh.duplex", "full"), queue_frames = param("mesh.queue_frames", 0),
        table = "known",
    },
    workload = {
        kind = "mesh_load", packet_flits = BYTES,
        load = param("workload.load", 0.5), process = "poisson",
        warmup = "1s", measure = "20s", drain = "1s",
    },
    sweep = { product = { ["mesh.stations"] = ports, ["workload.load"] = loads } },
    measures = { "network.mean", "latency.mean", "channel_busiest", "network.queue_longest",
                 "network.packets_dropped_queue", "network.collisions" },
    figure = {
        x = "workload.load", y = "network.mean", by = "mesh.stations",
        x_label = "load of each station", y_label = "latency",
        published = published,
        expectations = expectations,
    },
}
