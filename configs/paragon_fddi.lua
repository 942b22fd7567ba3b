-- DECstations beside a Paragon: workstations on an FDDI ring read files of PFS through the service
-- node, which is on the ring and on the mesh.  They have CPUs, prices and frames of their own; each
-- reads a file of its own, 64 KiB at a time, and the gate asks the I/O nodes for it.  From four
-- workstations on the ring is full.
--
-- A ring may lose a frame, so BLAST keeps each message of several frames for a second after it was
-- sent, in case somebody asks for a piece.  The 64 that x-kernel 3.2 keeps are 64 answers a second.
--
--   psim figure paragon_fddi
--   psim run paragon_fddi -p lan=switched     (Ethernet at a switch: its port of the gate is full)
--   psim run paragon_fddi -p gate=io
local gate = include "parts/paragon_gate.lua"
local decstation = include "parts/decstation.lua"
local hosts, outstanding = param("hosts", 1), param("outstanding", 1024)
local lan = param("lan", "fddi", { "ethernet", "switched", "fddi" })
local SIZE = 65536

-- The workstations have their own adapters, and the gate's moves the bytes itself.
local network = decstation.network { lan = lan }
network.adapters, network.adapter = { host = network.adapter }, { kind = "dma" }
network.nic.dma_rate = network.nic.dma_rate or "400MB/s" -- the memory bus [node4 of paragon.lua]
local rate = ({ ethernet = 1.25e6, switched = 1.25e6, fddi = 12.5e6 })[lan] -- bytes a second

local expectations = {}
if lan ~= "ethernet" then -- of a cable the more is lost to collisions the more talk
    expectations[1] = {
        kind = "monotone", name = "all kept: more workstations, no less bandwidth",
        of = { outstanding = 1024 }, direction = "rising", slack = 0.03,
        citation = "Johnson 1987: a full ring stays full, mean rotation at most TTRT",
    }
end
local function within(kept, n, least, most, name, how)
    expectations[#expectations + 1] = {
        kind = "range", name = name, at = { outstanding = kept, hosts = n },
        min = least, max = most, citation = "derived: " .. how,
    }
end
for _, n in ipairs { 1, 2, 4, 8, 16, 32, 64 } do
    if n >= 4 and lan ~= "ethernet" then
        within(1024, n, 0.9 * rate, rate, n .. " workstations, all kept: the network is full",
               "the rate of the medium")
    end
    if n >= 16 and lan == "fddi" then
        within(64, n, 0.9 * 64 * SIZE, 1.1 * 64 * SIZE,
               n .. " workstations, 64 kept: 64 answers a second",
               "64 messages that are kept for a second each")
    end
end
if lan == "fddi" then
    within(1024, 1, 0.2 * rate, 0.5 * rate, "one workstation: array, mesh and ring one by one",
           "it waits for each request")
end

return {
    title = "Workstations that read PFS over a local network",
    doc = "Bandwidth of workstations on a network with a Paragon's service node, by their number.",
    machine = gate {
        rows = 4, columns = 4, io_nodes = param("io_nodes", 4), storage = { kind = "raid3" },
        gate = param("gate", "service", { "service", "io" }),
        hosts = hosts, host = decstation.group {},
        lan = network, resend = "200ms", outstanding = outstanding,
    },
    workload = { kind = "io", system = "files", op = "read", nodes = hosts,
                 requests = param("requests", 40), size = "64KiB" },
    sweep = { product = { outstanding = { 64, 1024 }, hosts = { 1, 2, 4, 8, 16, 32, 64 } } },
    measures = { "file.bandwidth", "file.latency", "host.cpu.busiest", "gate.cpu.busiest" },
    figure = {
        x = "hosts", y = "file.bandwidth", by = "outstanding", log = "xy",
        x_label = "workstations", y_label = "bandwidth of all",
        expectations = expectations,
    },
}
