-- Messages over ULP and RDM on an Ethernet and on a ring of FDDI, by what is below: the driver of
-- the machine, Ethernet's frames with addresses that ARP learns, datagrams of IP over these.
--
--   psim figure ulp_lan
--
-- No time is given to either: they follow the link (os/xk/pace.h), so that nothing goes again.
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"

local rates = { ethernet = 1.25e6, fddi = 12.5e6 }    -- B/s of a medium
local name = param("network", "ethernet", { "ethernet", "fddi" })
local protocol = param("protocol", "ulp", { "ulp", "rdm" })
local below = param("below", "driver", { "driver", "eth", "ip" })

local graph
if below == "driver" then
    graph = { { name = "hosts", protocol = "driver" } }
else
    graph = {
        { name = "eth", protocol = "eth" },
        { name = "hosts", protocol = "arp", below = { "eth" }, address = "10.1.0.0/16" },
    }
end
if below == "ip" then
    graph[#graph + 1] = { name = "ip", protocol = "ip", below = { "hosts" } }
end
graph[#graph + 1] =
    { name = "messages", protocol = protocol, below = { below == "ip" and "ip" or "hosts" } }
graph[#graph + 1] = { name = "nx", protocol = "nx", below = { "messages" } }

local machine = paragon { rows = 1, columns = 2, release = "SUNMOS-1.6", graph = graph }
local own = below == "driver" and 0 or 14             -- ETH's header is in the frame
frames.on(machine, { model = name }, frames.of[name].payload + own)
if name == "ethernet" then machine.nic.header_flits = frames.of.ethernet.header - own end

local expectations = {}
local function expect(n, what, under, least)
    expectations[#expectations + 1] = {
        kind = "range", name = string.format("%s, %s over %s: of the medium", n, what, under),
        at = { network = n, protocol = what, below = under },
        min = least * rates[n], max = rates[n],
        citation = "derived: headers, and what grants and acknowledgements cost on a shared medium",
    }
    expectations[#expectations + 1] = {
        kind = "range", name = string.format("%s, %s over %s: nothing goes again", n, what, under),
        measure = "messages.resent", at = { network = n, protocol = what, below = under }, max = 0,
        citation = "derived: nothing is lost, and the timer is longer than a window takes",
    }
end
for _, under in ipairs { "driver", "eth", "ip" } do
    expect("ethernet", "ulp", under, 0.8)
    expect("fddi", "ulp", under, 0.85)
end
for _, under in ipairs { "driver", "eth" } do
    expect("ethernet", "rdm", under, 0.6)             -- an acknowledgement for every second frame
    expect("fddi", "rdm", under, 0.9)
end
expect("ethernet", "rdm", "ip", 0.9)                  -- each datagram fills a window
expect("fddi", "rdm", "ip", 0.9)

return {
    title = "Messages over Ethernet and FDDI",
    doc = "Rate of messages of a million bytes between two programs, by network and protocols.",
    machine = machine,
    workload = { kind = "message_time", rounds = 2 },
    sweep = {
        product = { network = { "ethernet", "fddi" }, protocol = { "ulp", "rdm" },
                    below = { "driver", "eth", "ip" } },
    },
    measures = { "asymptote.mean", "latency.mean", "messages.resent" },
    figure = {
        x = "below", y = "asymptote.mean", by = { "network", "protocol" }, log = "y",
        x_label = "below", y_label = "rate of messages of 1 MB", expectations = expectations,
    },
}
