-- Saturated Ethernet: how much of the cable do stations use that always have a frame to send?
-- The formula of Metcalfe and Boggs takes an ideal slotted contention in which every collision
-- costs a whole slot.  Here most are shorter, so it is a floor.  Above it stands the ceiling of one
-- sender: preamble and gap of each frame.
local stations = { 2, 3, 5, 10, 24, 64 }
local lengths = { 64, 256, 512, 1500 }
local SLOT, PREAMBLE, GAP = 512, 64, 96                       -- bits [IEEE 802.3]
local paper = "Metcalfe and Boggs, CACM 19(7) 1976: E = P/(P + W T), T one slot"

-- A: exactly one of n stations takes a slot; W: slots of contention a frame.
local function metcalfe_boggs(n, bytes)
    local a = (1 - 1 / n) ^ (n - 1)
    return 8 * bytes / (8 * bytes + (1 - a) / a * SLOT)
end

local published, expectations = {}, {}
for _, bytes in ipairs(lengths) do
    local points = {}
    for k, n in ipairs(stations) do
        points[k] = { n, metcalfe_boggs(n, bytes) }
        expectations[#expectations + 1] = {
            kind = "range", name = string.format("%d stations, %d B", n, bytes),
            at = { ["mesh.stations"] = n, ["workload.packet_flits"] = bytes },
            min = points[k][2], max = 8 * bytes / (8 * bytes + PREAMBLE + GAP), citation = paper,
        }
    end
    if bytes == 64 or bytes == 512 or bytes == 1500 then
        published[#published + 1] = { name = string.format("Metcalfe and Boggs, %d B", bytes),
                                      of = bytes, points = points, citation = paper,
                                      confidence = "high" }
    end
end
for _, n in ipairs(stations) do
    expectations[#expectations + 1] = {
        kind = "monotone", name = string.format("%d stations: longer frames, more bits", n),
        x = "workload.packet_flits", of = { ["mesh.stations"] = n }, direction = "rising",
        citation = "Boggs, Mogul and Kent, SIGCOMM 1988",
    }
end

return {
    title = "Ethernet at saturation, by stations and length of frames",
    doc = "Share of time that bits of delivered frames cross a 10 Mb/s cable of 500 m.",
    mesh = { kind = "ethernet", stations = param("mesh.stations", 10) },
    workload = {
        kind = "mesh_load",
        packet_flits = param("workload.packet_flits", 1500),   -- bytes of a frame
        load = 1.3, load_unit = "capacity", process = "poisson",
        warmup = "1s", measure = "5s", drain = "0",
    },
    sweep = {
        product = { ["workload.packet_flits"] = lengths, ["mesh.stations"] = stations },
    },
    measures = { "channel_busiest", "accepted_fairness", "network.mean", "network.collisions" },
    figure = {
        x = "mesh.stations", y = "channel_busiest", by = "workload.packet_flits", log = "x",
        x_label = "stations", y_label = "utilisation",
        published = published,
        expectations = expectations,
    },
}
