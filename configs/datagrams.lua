-- Requests and answers over sockets of datagrams, with UDP in the kernel, in a server, or with
-- ports that a server lends to the library.
--
--   psim figure datagrams
--   psim run datagrams -p placement=library -p reply=4KiB
--   psim run datagrams -p each=8      # a new socket, and its port lent, each eight requests
--
-- Two DECstations 5000/200 on an Ethernet, as in tcp_placement.  In the library a socket's port
-- comes from the server once; from then on what it sends and receives passes no server.
local placements = include "parts/placements.lua"
local names = { "kernel", "server", "library" }
local placement = param("placement", "library", names)
local reply = param("reply", "64B")
local machine = placement == "library" and placements.lent { protocol = "udp", sockets = true } or
    placements.machine { placement = placement == "kernel" and "kernel" or "server_ring_driver",
                         protocol = "udp", sockets = true }

local function at(p, r) return { placement = p, reply = r } end
local replies = { "64B", "512B", "1400B", "4KiB", "16KiB" }
local TIME = "round.mean"
local MB93 = "Maeda and Bershad, SOSP 1993: "
return {
    title = "Requests and answers of UDP by placement",
    doc = "Time of a request by a socket of datagrams, by the length of its answer and placement.",
    machine = machine,
    workload = { kind = "datagrams", requests = param("requests", 32), each = param("each", 0),
                 reply = reply },
    sweep = { product = { placement = names, reply = replies } },
    measures = { TIME, "sock.ports_lent" },
    figure = {
        x = "reply", y = TIME, by = "placement", log = "xy",
        expectations = {
            { kind = "ratio", name = "a small one by a server takes more than twice as long",
              at = at("server", "64B"), over = at("library", "64B"), min = 2,
              citation = MB93 .. "abstract" },
            { kind = "ratio", name = "the library is as fast as the kernel", min = 0.8, max = 1.1,
              at = at("library", "64B"), over = at("kernel", "64B"),
              citation = "derived: both cross the kernel once a packet, and nothing else" },
            { kind = "ratio", name = "a long one is faster by the library than by a server",
              at = at("library", "16KiB"), over = at("server", "16KiB"), max = 0.95,
              citation = "derived: it crosses no server" },
        },
        x_label = "bytes of the answer", y_label = "time of a request",
    },
}
