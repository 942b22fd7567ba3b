-- Short connections with TCP in the kernel, in a server, or lent by a server to the library:
-- connect, ask, be answered, close.
--
--   psim figure tcp_sessions
--   psim run tcp_sessions -p placement=library -p reply=64KiB
--
-- Two DECstations 5000/200 on an Ethernet, as in tcp_placement.  In the library a connection begins
-- and ends at the server, and its block crosses to the program's domain and back: that is paid by
-- each connection, and saved by each byte and call between.
local placements = include "parts/placements.lua"
local names = { "kernel", "server", "library" }
local placement = param("placement", "library", names)
local reply = param("reply", "1KiB")
local machine = placement == "library" and placements.lent { protocol = "tcp" } or
    placements.machine { placement = placement == "kernel" and "kernel" or "server_ring_driver",
                         protocol = "tcp" }

local function at(p, r) return { placement = p, reply = r } end
local replies = { "64B", "1KiB", "8KiB", "32KiB", "128KiB" }
local TIME = "session.mean"
return {
    title = "Short connections by placement of TCP",
    doc = "Time of a connection with one reply, by the length of that and by placement.",
    machine = machine,
    workload = { kind = "tcp_sessions", sessions = param("sessions", 16), reply = reply },
    sweep = { product = { placement = names, reply = replies } },
    measures = { TIME, "connect.mean", "sock.lent", "sock.returned" },
    figure = {
        x = "reply", y = TIME, by = "placement", log = "xy",
        expectations = {
            { kind = "ratio", name = "a short one costs more by the library than by the kernel",
              at = at("library", "1KiB"), over = at("kernel", "1KiB"), min = 1.05,
              citation = "derived: the block crosses to the library and back" },
            { kind = "ratio", name = "a long one hardly more", at = at("library", "128KiB"),
              over = at("kernel", "128KiB"), max = 1.15,
              citation = "derived: what a connection costs once is divided by its bytes" },
            { kind = "ratio", name = "even 64 bytes are faster by the library than by a server",
              at = at("library", "64B"), over = at("server", "64B"), max = 0.95,
              citation = "derived: the calls for them cross no server" },
            { kind = "ratio", name = "a long one is faster by the library than by a server",
              at = at("library", "128KiB"), over = at("server", "128KiB"),
              max = 0.95, citation = "derived: its bytes cross no server" },
        },
        x_label = "bytes of the reply", y_label = "time of a connection",
    },
}
