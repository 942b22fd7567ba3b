-- Eight stations offer one channel twice what it carries, in frames of 9,180 bytes: 192 cells.  A
-- queue that loses whatever cell finds it full carries mostly cells of frames that are lost; one
-- that loses the rest of such a frame too does better, and one that refuses frames before it is
-- full does best.  The sources go on whatever is lost (they are no TCP): the order of the policies
-- is that of Romanow and Floyd, the numbers are psim's own.
local buffers = { 200, 400, 1000, 2000, 4000 }               -- cells
local drops = { "tail", "ppd", "epd" }
local paper = "Romanow and Floyd, IEEE JSAC 13(4) 1995"
local FRAME, CELLS, SENDERS = 9180, 192, 8
local FULL = FRAME / (CELLS * 53)                            -- of one channel, an octet time

local expectations = {}
for _, cells in ipairs(buffers) do
    for i = 1, 2 do
        expectations[#expectations + 1] = {
            kind = "ratio",
            name = string.format("%d cells: %s over %s", cells, drops[i + 1], drops[i]),
            at = { buffer = cells, drop = drops[i + 1] },
            over = { buffer = cells, drop = drops[i] },
            min = 1.05, citation = paper,
        }
    end
end
for _, drop in ipairs(drops) do
    expectations[#expectations + 1] = {
        kind = "monotone", name = drop .. ": more room, no less good", of = { drop = drop },
        direction = "rising", citation = paper,
    }
end
expectations[#expectations + 1] = {
    kind = "range", name = "epd, 2,000 cells: nearly all that the channel carries",
    at = { buffer = 2000, drop = "epd" }, min = 0.9 * FULL, max = 1.002 * FULL,
    citation = paper,
}

return {
    title = "What drop policies of an ATM switch are worth",
    doc = "Whole frames that an overloaded channel delivers, by the room of its queue.",
    mesh = { kind = "atm", stations = SENDERS + 1, drop = param("drop", "epd", drops),
             buffer_cells = param("buffer", 1000) },
    workload = {
        kind = "mesh_load", pattern = "hotspot", hot = { SENDERS }, hot_share = 1,
        packet_flits = FRAME, process = "poisson", load = 2 * FULL / SENDERS,
        warmup = "100ms", measure = "2s", drain = "0",
    },
    sweep = { product = { drop = drops, buffer = buffers } },
    measures = { "taken_most", "network.cells_dropped", "network.frames_refused" },
    figure = {
        x = "buffer", y = "taken_most", by = "drop", log = "x",
        x_label = "cells of the queue", y_label = "bytes an octet time",
        expectations = expectations,
    },
}
