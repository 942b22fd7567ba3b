-- Cells that meet in the queue in front of a channel: how long do they wait?
-- In each slot of a cell's time each station has a cell with chance p, for any station alike.  An
-- output queue of N inputs makes it wait W = (N-1)/N p/(2(1-p)) slots; with many inputs that is the
-- M/D/1 queue.  Input queues, of which only the first cell can cross, have no more than a part of
-- the channel: see atm_saturation.
local loads = { 0.3, 0.5, 0.7, 0.8, 0.9 }                    -- cells a slot
local SLOT, PAYLOAD, CELL = 53, 40, 4.24e-6        -- octets; bytes; s, of TAXI at 100 Mb/s
local paper = "derived: W = E[A(A-1)]/(2p(1-p)) of A cells a slot, A binomial of N inputs; "
    .. "Karol, Hluchyj and Morgan, IEEE Trans. Comm. 35(12) 1987"

local function wait(n, p) return (n - 1) / n * p / (2 * (1 - p)) * CELL end

local published, expectations = {}, {}
for _, n in ipairs { 2, 4, 16 } do
    local points = {}
    for k, p in ipairs(loads) do
        points[k] = { p, wait(n, p) }
        expectations[#expectations + 1] = {
            kind = "range", name = string.format("%d inputs, p = %g", n, p),
            at = { stations = n, p = p }, min = 0.95 * wait(n, p), max = 1.05 * wait(n, p),
            citation = paper,
        }
    end
    published[#published + 1] = { name = string.format("W of %d inputs", n), of = n,
                                  points = points, citation = paper, confidence = "high" }
end

return {
    title = "Waits in the output queues of an ATM switch",
    doc = "Mean wait of single cells in output queues, by load and number of inputs.",
    mesh = { kind = "atm", stations = param("stations", 4), rate = "taxi100",
             queue = param("queue", "output", { "output", "input" }), buffer_cells = 0 },
    workload = {
        kind = "mesh_load", self_sends = true,
        packet_flits = PAYLOAD, slot = SLOT, load = param("p", 0.5) * PAYLOAD / SLOT,
        warmup = "10ms", measure = 4 / param("stations", 4) .. "s", drain = "100ms",
    },
    sweep = { product = { stations = { 2, 4, 16 }, p = loads } },
    measures = { "blocking", "accepted", "network.queue_longest" },
    figure = {
        x = "p", y = "blocking", by = "stations",
        x_label = "cells a slot and station", y_label = "wait",
        published = published, expectations = expectations,
    },
}
