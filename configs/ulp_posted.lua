-- What a receive is worth that is posted before its message comes.  NX matches a message when its
-- first frame comes: ULP's pass over the data, which sums them, is the copy to where the program
-- wants them, and RDM's frames go there by DMA.  What comes before it is asked for goes to a
-- buffer, and from there to the program by one copy more.
--
--   psim figure ulp_posted
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local COPY, LINK = 60e6, 175e6                        -- B/s: machines/paragon.lua; as sold [node4]

local protocol = param("protocol", "ulp", { "ulp", "rdm" })
local unexpected = param("workload.unexpected", false)
local size = param("workload.size", "32kB")           -- no more than NX's grant of 64 KiB

local function case(what, buffered, length)
    return { protocol = what, ["workload.unexpected"] = buffered, ["workload.size"] = length }
end

local expectations = {}
local function expect(name, what, buffered, min, max)
    expectations[#expectations + 1] = {
        kind = "range", name = name, at = case(what, buffered, "32kB"), min = min, max = max,
        citation = "derived: passes of the CPU over 32,000 bytes, and some frames' times",
    }
end
local pass, wire = 32e3 / COPY, 32e3 / LINK
expect("ULP, posted: one pass", "ulp", false, pass, 1.25 * pass)
expect("ULP, unexpected: two", "ulp", true, 2 * pass, 2.25 * pass)
expect("RDM, posted: none", "rdm", false, wire, wire + 0.25 * pass)
expect("RDM, unexpected: one", "rdm", true, wire + pass, wire + 1.25 * pass)
for _, what in ipairs { "ulp", "rdm" } do
    expectations[#expectations + 1] = {
        kind = "value", name = what .. ": nothing that was asked for is copied again",
        measure = "nx.copied_bytes", at = case(what, false, "32kB"), equals = 0, within = 0,
        citation = "derived: NX4",
    }
    expectations[#expectations + 1] = {
        kind = "value", name = what .. ": nothing that was not goes straight",
        measure = "nx.straight_bytes", at = case(what, true, "32kB"), equals = 0, within = 0,
        citation = "derived: NX4",
    }
end

return {
    title = "Receives that are posted, and those that come too late",
    doc = "One-way time of a message, by length, protocol, and whether its receive is posted.",
    machine = paragon {
        rows = 1, columns = 2, release = "SUNMOS-1.6", graph = graphs.messages(protocol),
    },
    workload = { kind = "pingpong", size = size, unexpected = unexpected, rounds = 20 },
    sweep = {
        product = {
            protocol = { "ulp", "rdm" }, ["workload.unexpected"] = { false, true },
            ["workload.size"] = { "1B", "1kB", "4kB", "16kB", "32kB" },
        },
    },
    measures = { "one_way.mean", "nx.copied_bytes", "nx.straight_bytes", "nx.unexpected" },
    figure = {
        x = "workload.size", y = "one_way.mean", by = { "protocol", "workload.unexpected" },
        log = "xy", x_label = "length of a message", y_label = "one-way time",
        expectations = expectations,
    },
}
