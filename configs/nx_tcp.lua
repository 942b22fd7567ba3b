-- Messages of NX over TCP: one-way time and rate by size, beside RDM and ULP, between two nodes of
-- an Ethernet, a ring of FDDI, an ATM switch, a HIPPI channel.
--
--   psim figure nx_tcp
--   psim run nx_tcp -p network=atm -p protocol=tcp -p loss=0.01
--   psim run nx_tcp -p table=true             -- latency, rate, and the length at half of it
--
-- With `loss` that part of the segments below TCP is lost (RDM and ULP: of the frames).
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"

-- B/s of data: of the medium, or what 48 of 53 octets of a cell leave of OC-3c.
local rates = { ethernet = 1.25e6, fddi = 12.5e6, atm = 149.76e6 / 8 * 48 / 53, hippi = 100e6 }
local networks = { "ethernet", "fddi", "atm", "hippi" }
local protocols = { "rdm", "ulp", "tcp" }
local sizes = { "0B", "100B", "1kB", "10kB", "100kB", "1000kB" }
local name = param("network", "ethernet", networks)
local protocol = param("protocol", "tcp", protocols)
local loss = param("loss", 0.0)
-- Of all three, both ways.  HIPPI's frames may be of 64 KiB: ASSUMED(four of them, as of a
-- pipeline).
local window = param("window", name == "hippi" and "256KiB" or "64KiB")

local graph
if protocol == "tcp" then
    graph = {
        { name = "eth", protocol = "eth" },
        { name = "arp", protocol = "arp", below = { "eth" } },
        { name = "ip", protocol = "ip", below = { "arp" } },
        { name = "vdrop", protocol = "vdrop", below = { "ip" }, drop = loss },
        { name = "tcp", protocol = "tcp", below = { "vdrop" }, send_buffer = window,
          receive_buffer = window, initial_window = 2, rto_min = "300ms", tick = "10ms" },
        { name = "messages", protocol = "record", below = { "tcp" } },
    }
else
    graph = {
        { name = "hosts", protocol = "driver" },
        { name = "vdrop", protocol = "vdrop", below = { "hosts" }, drop = loss },
        { name = "messages", protocol = protocol, below = { "vdrop" },
          grant = protocol == "ulp" and window or nil,
          window = protocol == "rdm" and window or nil },
    }
end
graph[#graph + 1] = { name = "nx", protocol = "nx", below = { "messages" }, grant = window }

local machine = paragon { rows = 1, columns = 2, release = "SUNMOS-1.6", graph = graph }
local own = protocol == "tcp" and 14 or 0             -- ETH's header is in the frame
frames.on(machine, { model = name }, frames.of[name].payload + own)
if name == "ethernet" then machine.nic.header_flits = frames.of.ethernet.header - own end

-- What the CPU does to each byte of a stream: TCP sums it, and NX copies it to the program.
local checksum, copy = 80e6, 60e6                    -- ASSUMED(prices of machines/paragon.lua)

local expectations = {}
local function at(n, what, size)
    return { network = n, protocol = what, ["workload.size"] = size }
end
for _, n in ipairs(networks) do
    for _, what in ipairs(protocols) do
        expectations[#expectations + 1] = {
            kind = "range", name = n .. ", " .. what .. ": 1 MB no faster than the medium",
            at = at(n, what, "1000kB"), max = rates[n], citation = "derived: the medium's rate",
        }
    end
    expectations[#expectations + 1] = {
        kind = "range", name = n .. ", tcp: 1 MB, most of what medium and CPU leave",
        at = at(n, "tcp", "1000kB"), min = 0.6 * math.min(rates[n], 1 / (1 / checksum + 1 / copy)),
        citation = "derived: headers, acknowledgements on a shared medium, a sum and a copy a byte",
    }
    expectations[#expectations + 1] = {
        kind = "ratio", name = n .. ": an empty message takes longer over TCP than over RDM",
        measure = "one_way.mean", at = at(n, "tcp", "0B"), over = at(n, "rdm", "0B"), min = 1,
        max = 4, citation = "derived: five layers with 78 bytes of headers for one with 8",
    }
end
expectations[#expectations + 1] = {
    kind = "range", name = "the connection of the first message serves all",
    measure = "tcp.connects",
    at = at("ethernet", "tcp", "1kB"), max = 0,
    citation = "derived: the first is not in the window of time that is measured",
}

if param("table", false) then
    return {
        title = "Messages of programs over TCP",
        doc = "Latency of messages, their rate, and the length at half of it, by protocol.",
        machine = machine,
        workload = { kind = "message_time", rounds = 2 },
        sweep = { product = { network = networks, protocol = protocols } },
        measures = { "latency.mean", "asymptote.mean", "n_half.mean", "messages.resent" },
    }
end

return {
    title = "Messages of programs over TCP",
    doc = "Rate of messages between two programs by their size, over TCP, RDM and ULP.",
    machine = machine,
    workload = { kind = "pingpong", size = param("workload.size", "1kB"), rounds = 5 },
    sweep = {
        product = { network = networks, protocol = protocols, ["workload.size"] = sizes },
    },
    measures = { "one_way.mean", "bandwidth.mean", "messages.resent", "tcp.sndtotal",
                 "tcp.connects" },
    figure = {
        x = "workload.size", y = "bandwidth.mean", by = { "protocol", "network" }, log = "xy",
        x_label = "message size", y_label = "rate", expectations = expectations,
    },
}
