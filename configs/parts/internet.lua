-- Local networks in a row, joined by gateways, with the internet protocols on every node.
--
--   local internet = include "parts/internet.lua"
--   local machine, last = internet.row { networks = { "switched", "fddi" }, hosts = 4 }
--
-- Network i (from 1) has the addresses 10.i.0.0/16, `hosts` nodes of its own (a number, or a list
-- of one for each), and a gateway to the next one; gateways are the last nodes.  `last`: the last
-- host of the last network.
local paragon = include "machines/paragon.lua"

-- Bytes of a frame with ETH's header, of what IP carries in it, and flits of a frame beside it.
local kinds = {
    ethernet = { mtu = 1500, flits = 4 },            -- the check sequence [IEEE 802.3]
    switched = { mtu = 1500, flits = 4 },
    fddi = { mtu = 4352, flits = 6 },                -- [RFC 1390]
    atm = { mtu = 9180, flits = 8 },                 -- [RFC 1626]; the trailer of AAL5
    hippi = { mtu = 65280, flits = 2 },              -- [RFC 1374]; HIPPI-FP: two words
}

local function row(o)
    local count, first, all = #o.networks, {}, 0 -- the first host of each network
    for i = 1, count do
        first[i] = all
        all = all + (type(o.hosts) == "table" and o.hosts[i] or o.hosts or 4)
    end
    first[count + 1] = all
    local machine = paragon {
        rows = 1, columns = all + count - 1, release = o.release, graph = {},
    }
    local graph, routes, below = machine.graph, {}, {}
    machine.network, machine.networks = nil, {}
    for i, kind in ipairs(o.networks) do
        local name, mtu = "net" .. i, o.mtu or kinds[kind].mtu
        local nodes = {}
        for k = first[i], first[i + 1] - 1 do nodes[#nodes + 1] = k end
        if i > 1 then nodes[#nodes + 1] = all + i - 2 end
        if i < count then nodes[#nodes + 1] = all + i - 1 end
        machine.networks[name] = {
            kind = kind, nodes = nodes,
            nic = { mtu = mtu + 14 .. "B", packet_bytes = mtu + 14 .. "B",
                    header_flits = kinds[kind].flits },
        }
        graph[#graph + 1] = { name = "eth" .. i, protocol = "eth", interface = name }
        graph[#graph + 1] = { name = "arp" .. i, protocol = "arp", below = { "eth" .. i },
                              address = "10." .. i .. ".0.0/16", nodes = nodes }
        below[i] = "arp" .. i
        for to = 1, count do
            if to ~= i then
                local gateway = all + (to > i and i - 1 or i - 2)
                routes[#routes + 1] = { to = "10." .. to .. ".0.0/16",
                                        via = "10." .. i .. ".0." .. gateway + 1 }
            end
        end
    end
    graph[#graph + 1] = { name = "ip", protocol = "ip", below = below, routes = routes,
                          forward = true, dont_fragment = o.dont_fragment or false }
    graph[#graph + 1] = { name = "icmp", protocol = "icmp", below = { "ip" } }
    graph[#graph + 1] = { name = "ping", protocol = "ping", below = { "icmp" } }
    graph[#graph + 1] = { name = "udp", protocol = "udp", below = { "ip" } }
    return machine, all - 1
end

-- Whether messages along these networks cross one of 10 Mb/s.
local function slow(networks)
    for _, kind in ipairs(networks) do
        if kind == "ethernet" or kind == "switched" then return true end
    end
    return false
end

return { row = row, kinds = kinds, slow = slow }
