-- TCP: how evenly streams share the port of an ATM switch, by their number and by what a loss does
-- to the window: all alike, half of them farther away, half of them late; and how they share a
-- gateway's, whose channel to the receiver has a quarter of the rate at which they come.
--
--   psim figure tcp_fairness
--   psim run tcp_fairness -p case=far -p flows=8 -p recovery=sack
--
-- Who is far is on a second switch, behind a gateway, on channels of `far`; the gateway's channel
-- carries no more than all others'.  The queue of the port in front of the receiver loses frames.
-- Bytes are counted from when all are connected to when the first has sent all.
--
-- A stream that halves its window for a loss has MSS / RTT * sqrt(3 / 2p) where a part p of its
-- segments is lost [Mathis et al. 1997]: alike losses share as 1 / RTT; losses of all at once, as a
-- full queue makes them, as its square.  Between these lie those that recover without time-outs; a
-- time-out of 300 ms is long to all, so that Tahoe and Reno, which wait for it more, share more
-- evenly, and leave some of the channel idle.
local paragon = include "machines/paragon.lua"
local kinds = { "tahoe", "reno", "newreno", "sack" }
local counts, cases = { 2, 4, 8, 16, 32 }, { "alike", "far", "late", "gateway" }
local recovery, flows = param("recovery", "reno", kinds), param("flows", 8)
local case = param("case", "alike", cases)
local near, far = param("near", "1ms"), param("far", "3ms")
local each = param("each", math.max(6, 48 // flows))  -- MiB of a stream: of few some cycles more

-- Nodes: the senders, of which the second half is far in that case; the receiver; the gateway.
local outside, gateway = ({ far = flows // 2, gateway = flows })[case] or 0, flows + 1
local nodes = { near = {}, far = {} }
for rank = 0, flows do
    local where = rank >= flows - outside and rank < flows and "far" or "near"
    nodes[where][#nodes[where] + 1] = rank
end
for _, list in pairs(nodes) do list[#list + 1] = gateway end
if outside == 0 then table.insert(nodes.far, 1, flows) end -- a network of one station is none

local function network(delay, list, rate)
    return {
        kind = "atm", rate = rate, propagation = delay, nodes = list,
        drop = "epd", buffer_cells = 2048,
        nic = { mtu = "1514B", packet_bytes = "1514B", header_flits = 8 },
    }
end

local machine = paragon {
    rows = 1, columns = flows + 2, release = "SUNMOS-1.6",
    graph = {
        { name = "eth1", protocol = "eth", interface = "near" },
        { name = "arp1", protocol = "arp", below = { "eth1" }, address = "10.1.0.0/16",
          nodes = nodes.near },
        { name = "eth2", protocol = "eth", interface = "far" },
        { name = "arp2", protocol = "arp", below = { "eth2" }, address = "10.2.0.0/16",
          nodes = nodes.far },
        { name = "ip", protocol = "ip", below = { "arp1", "arp2" }, forward = true, routes = {
            { to = "10.2.0.0/16", via = "10.1.0." .. gateway + 1 },
            { to = "10.1.0.0/16", via = "10.2.0." .. gateway + 1 } } },
        { name = "tcp", protocol = "tcp", below = { "ip" }, send_buffer = "512KiB",
          receive_buffer = param("window", "128KiB"), initial_window = 2, rto_min = "300ms",
          tick = "10ms",
          congestion = recovery == "sack" and "reno" or recovery, sack = recovery == "sack" },
        { name = "sock", protocol = "sock", below = { "tcp" } },
    },
}
machine.network = nil
machine.networks = {
    near = network(near, nodes.near),
    far = network(far, nodes.far, case == "gateway" and "oc12c" or nil),
}

-- Round trips: four channels, or eight; and a queue in which frames are refused above half of 2,048
-- cells of 53 octets, at OC-3c.
local LINK, QUEUE = 149.76e6 / 8 * 48 / 53, 1024 * 53 * 8 / 149.76e6
local shortest, longest = 4e-3 / 16e-3, (4e-3 + QUEUE) / (16e-3 + QUEUE)

local expectations = {}
local function expect(name, n, kind, what, measure, min, max, citation, confidence)
    expectations[#expectations + 1] = {
        kind = "range", measure = measure, min = min, max = max, citation = citation,
        name = string.format("%s, %d, %s: %s", name, n, kind, what), confidence = confidence,
        at = { case = name, flows = n, recovery = kind },
    }
end
for _, n in ipairs(counts) do
    for _, kind in ipairs(kinds) do
        local waits = kind == "tahoe" or kind == "reno"
        expect("alike", n, kind, "nearly the same for all", "fairness.mean", waits and 0.6 or 0.8,
               nil, "Chiu and Jain 1989: additive increase, multiplicative decrease converges")
        expect("alike", n, kind, "the channel is used", "tcp_streams.goodput",
               (waits and 0.45 or 0.75) * LINK, LINK,
               "derived: who recovers without time-outs keeps the queue filled")
        expect("far", n, kind, "who is far gets less", "apart_share.mean", nil, 0.8,
               "Mathis et al. 1997: as 1 / RTT")
        if not waits then
            expect("far", n, kind, "1 / RTT to 1 / RTT^2", "apart_share.mean",
                   0.75 * shortest ^ 2, 1.25 * longest,
                   "Lakshman and Madhow 1997 (from memory): as RTT to the power of -1 to -2",
                   "medium")
        end
        expect("gateway", n, kind, "nearly the same for all", "fairness.mean",
               waits and 0.5 or 0.75, nil, "Chiu and Jain 1989: as at the switch")
        expect("gateway", n, kind, "the channel is used", "tcp_streams.goodput",
               (waits and 0.45 or 0.75) * LINK, LINK, "derived: as at the switch")
        if n >= (waits and 16 or 8) then -- one that waits at the wrong moment weighs much among few
            expect("late", n, kind, "who is late gets as much", "apart_share.mean", 0.5, 1.7,
                   "Chiu and Jain 1989: it converges from wherever it begins")
        end
    end
end

return {
    title = "TCP: how streams share a port of a switch",
    doc = "Jain's index of streams to one program at an ATM switch or a gateway, by their number.",
    machine = machine,
    workload = {
        kind = "tcp", flows = flows, bytes = each .. "MiB", chunk = "8KiB",
        start = "20ms", apart = (case == "far" or case == "late") and flows // 2 or 0,
        late = case == "late" and "300ms" or "0",
    },
    sweep = { product = { case = cases, flows = counts, recovery = kinds } },
    measures = { "fairness.mean", "apart_share.mean", "tcp_streams.goodput", "tcp.sndrexmitpack",
                 "tcp.rexmttimeo" },
    figure = {
        x = "flows", y = "fairness.mean", by = { "recovery", "case" }, log = "x",
        x_label = "streams", y_label = "Jain's index", expectations = expectations,
    },
}
