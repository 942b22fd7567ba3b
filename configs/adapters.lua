-- Host adapters: who moves a frame's bytes sets the pace of a long message.
-- Two DECstations on a local network; the adapter moves the bytes itself, or the CPU moves each
-- byte, or on ATM each cell through the FIFOs of a FORE TCA-100 (machines/decstation.lua).
--
--   psim figure adapters
--   psim run adapters -p lan=fddi
local decstation = include "machines/decstation.lua"
local lan = param("lan", "atm", { "ethernet", "switched", "fddi", "atm", "hippi" })

-- Of each network: bytes a second that a sender may have, and how much longer 1 MB may take over it
-- where an adapter moves the bytes.  On a cable messages and acknowledgements collide; on HIPPI a
-- frame of 64 KiB crosses two buses and the channel one after the other.
local rate = { ethernet = 1.25e6, switched = 1.25e6, fddi = 12.5e6, atm = 126.79e6 / 8,
               hippi = 100e6 }
local slack = { ethernet = 1.6, switched = 1.1, fddi = 1.1, atm = 1.05, hippi = 2 }
-- s: the CPU's copy of a byte; its work on a cell, out and in; the link's cell
local BYTE, OUT, IN, CELL = 1 / 20e6, 2.39e-6, 4.78e-6, 424 / 140e6

local adapters = {
    dma = { kind = "dma" },
    pio = { kind = "pio", rate_out = "20MB/s", rate_in = "20MB/s" },
    cell_fifo = lan == "atm" and { kind = "cell_fifo" } or nil, -- others have no cells
}
local names = lan == "atm" and { "dma", "pio", "cell_fifo" } or { "dma", "pio" }
local adapter = param("adapter", "dma", names)

local expectations = {}
local function within(name, size, least, most, how)
    expectations[#expectations + 1] = {
        kind = "range", name = name .. ", " .. size, measure = "one_way.mean",
        at = { adapter = name, ["workload.size"] = size }, min = least, max = most,
        citation = "derived: " .. how,
    }
end
local link = 1e6 / rate[lan]
local pio = math.max(link, 1e6 * BYTE)
within("dma", "1MB", link, slack[lan] * link, "the rate of the link alone")
-- What comes is copied once more for the program, and each frame has its fixed prices.
within("pio", "1MB", pio, math.max(slack[lan] * link, 2 * 1e6 * BYTE),
       "the slower of link and CPU, and at most two passes of the CPU")
if lan == "atm" then
    local cells = 1e6 / 48
    within("cell_fifo", "1MB", cells * math.max(CELL, OUT, IN), cells * (IN + 48 * BYTE),
           "the receiver's CPU takes 4.78 us a cell, and copies it once more")
    -- A message of one frame passes all three, one after the other.
    within("cell_fifo", "1kB", 22 * (OUT + 2 * CELL + IN) - 21 * CELL, "400us",
           "22 cells: written, over the link, through the switch, read; and a message's fixed time")
    for _, a in ipairs { "pio", "cell_fifo" } do
        expectations[#expectations + 1] = {
            kind = "ratio", name = a .. ": one frame waits for the CPU's passes",
            at = { adapter = a, ["workload.size"] = "1kB" },
            over = { adapter = "dma", ["workload.size"] = "1kB" }, min = 1.2, max = 2,
            citation = "derived: two passes of 1,000 bytes at 20 MB/s or slower",
        }
    end
end

return {
    title = "Host adapters on a local network",
    doc = "One-way time of a message between two workstations, by who moves the bytes.",
    machine = decstation { nodes = 2, lan = lan, adapter = adapters[adapter] },
    workload = { kind = "pingpong", size = param("workload.size", "0B"), rounds = 20 },
    sweep = { product = {
        adapter = names,
        ["workload.size"] = { "0B", "1kB", "10kB", "100kB", "1MB" },
    } },
    measures = { "one_way.mean", "bandwidth.mean", "machine.frames_adapter_full", "rdm.resent" },
    figure = {
        x = "workload.size", y = "one_way.mean", by = "adapter", log = "xy",
        x_label = "message size", y_label = "one-way time",
        expectations = expectations,
    },
}
