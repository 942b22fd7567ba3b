-- What a byte order costs: what travels is big-endian, and a processor without an instruction for
-- it swaps each word of a header with ten others.  Two DECstations, or one beside a workstation of
-- the other order that is like it in all else, send an empty message to and fro.
--
-- Its headers are 14 words: 6 of NX, 6 of RDM with its numbers and its credit, 2 of the driver.
--
--   psim run byte_order
--   psim run byte_order -p lan=fddi -p workload.size=10kB
local decstation = include "machines/decstation.lua"
local first, last = param("first", "little", { "little", "big" }),
                    param("last", "little", { "little", "big" })
local swap = param("swap", "400ns") -- ASSUMED(ten instructions of 25 MHz)

local lan = param("lan", "ethernet", { "ethernet", "switched", "fddi", "atm", "hippi" })
local size = param("workload.size", "0B")
local machine = decstation { nodes = 2, lan = lan }
machine.prices.swap = { each = swap }
machine.nodes = {
    first = { first = 1, node = { byte_order = first } },
    last = { last = 1, node = { byte_order = last } },
}

-- Either end swaps the 14 words; the rest of the time is what nodes without a price for that have.
local expectations = {}
for _, case in ipairs {
    { "little", "little", 2 }, { "little", "big", 1 }, { "big", "little", 1 }, { "big", "big", 0 },
} do
    for _, price in ipairs { { "400ns", 0.4 }, { "4us", 4 } } do
        local text, more = price[1], case[3] * 14 * price[2] / 154.4
        expectations[#expectations + 1] = {
            kind = "ratio", name = case[1] .. " to " .. case[2] .. ", a word in " .. text,
            measure = "one_way.mean", at = { swap = text, first = case[1], last = case[2] },
            over = { swap = "0s", first = "big", last = "big" },
            min = 0.999 + more, max = 1.001 + more,
            citation = "derived: " .. case[3] .. " times 14 words over 154.4 us",
        }
    end
end

return {
    title = "Nodes of like and unlike byte orders",
    doc = "One-way time of a message by the byte orders of its sender and its receiver.",
    machine = machine,
    workload = { kind = "pingpong", size = size, rounds = 20 },
    sweep = { product = { swap = { "0s", "400ns", "4us" }, first = { "little", "big" },
                          last = { "little", "big" } } },
    measures = { "one_way.mean", "first.cpu.mean", "last.cpu.mean" },
    expectations = lan == "ethernet" and size == "0B" and expectations or nil,
}
