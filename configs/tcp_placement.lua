-- Where TCP and UDP stand: in the kernel, in a server, in the library of a program; and how packets
-- get there: by messages of the kernel, by a ring, by a ring that the driver fills.
--
--   psim figure tcp_placement
--   psim figure tcp_placement -p drawn=trips
--   psim run tcp_placement -p placement=server_ipc -p protocol=udp
--
-- Two DECstations 5000/200 on an Ethernet.  A stream of TCP fills the cable wherever a packet costs
-- less than the time that it takes there; a small message of UDP to and fro shows the rest.  The
-- library is as fast as the kernel, for only what is rare crosses a domain more; by a server each
-- message crosses two, and calls of it are dear.  Which prices are calibrated says
-- parts/placements.lua.  KB are of 1,024 bytes.
local placements = include "parts/placements.lua"
local placement = param("placement", "library_ring_driver", placements.names)
local protocol = param("protocol", "tcp", { "tcp", "udp" })

local drawn = param("drawn", "stream", { "stream", "trips" })

local MB93 = "Maeda and Bershad, SOSP 1993: "
local best = "library_ring_driver"
local function at(p, w) return { placement = p, protocol = w or "tcp" } end
local RATE, TRIP = "tcp_streams.goodput", "echo.time.mean"
local expectations = {
  { kind = "value", name = "the library's stream: 1088 KB/s", at = at(best), measure = RATE,
    equals = 1088 * 1024, within = 0.05,
    citation = MB93 .. "abstract; 5 % for collisions and buffers" },
  { kind = "value", name = "its small messages: 1.23 ms", at = at(best, "udp"), measure = TRIP,
    equals = "1.23ms", within = 0.1, citation = MB93 .. "abstract", calibrated = true },
  { kind = "ratio", name = "the library's stream is as fast as the kernel's", at = at(best),
    over = at "kernel", measure = RATE, min = 0.97, citation = MB93 .. "abstract" },
  { kind = "ratio", name = "a server's stream is 0.6 to 0.8 of the kernel's",
    at = at "server_ipc", over = at "kernel", measure = RATE, min = 0.6, max = 0.8,
    citation = MB93 .. "740 of 1,070 KB/s (from memory)", calibrated = true },
  { kind = "ratio", name = "a server's messages take more than twice as long",
    at = at("server_ipc", "udp"), over = at(best, "udp"), measure = TRIP, min = 2,
    citation = MB93 .. "abstract", calibrated = true },
}
for _, p in ipairs(placements.names) do
  expectations[#expectations + 1] = {
    kind = "range", name = p .. ": no faster than the cable", at = at(p), measure = RATE,
    max = 1128.0 * 1024,
    citation = "derived: two segments of 1,460 bytes and an acknowledgement, back to back",
  }
end
for _, where in ipairs { "library", "server" } do
  for _, pair in ipairs { { "_ipc", "_ring" }, { "_ring", "_ring_driver" } } do
    expectations[#expectations + 1] = {
      kind = "ratio", name = where .. ": " .. pair[1]:sub(2) .. " costs more than " ..
      pair[2]:sub(2), at = at(where .. pair[1], "udp"), over = at(where .. pair[2], "udp"),
      measure = TRIP, min = 1.0001, max = 1.1,
      citation = "derived: a trap and a copy more; a copy more",
    }
  end
end

local published = drawn == "stream" and {
  { "kernel", 1070 * 1024 }, { "library_ipc", 910 * 1024 }, { "library_ring", 1076 * 1024 },
  { best, 1088 * 1024 }, { "server_ipc", 740 * 1024 },
} or { { "kernel", "1.45ms" }, { best, "1.23ms" }, { "server_ipc", "3.8ms" } }
local of = drawn == "stream" and "tcp" or "udp"

return {
  title = "Where TCP and UDP stand",
  doc = "A stream of TCP and the round trip of a message of UDP, by placement and delivery.",
  machine = placements.machine { placement = placement, protocol = protocol },
  workload = placements.workload(protocol),
  sweep = { product = { placement = placements.names, protocol = { "tcp", "udp" } } },
  measures = { RATE, TRIP, "cpu.busiest" },
  figure = {
    x = "placement", y = drawn == "stream" and RATE or TRIP, by = "protocol",
    where = { protocol = of },
    published = {
      { name = "Maeda and Bershad", of = of, citation = MB93 .. "all but one from memory",
        confidence = "low", points = published },
    },
    expectations = expectations,
    x_label = "placement",
    y_label = drawn == "stream" and "stream of TCP" or "round trip of a byte by UDP",
  },
}
