-- TCP and UDP in the kernel, the library and a server, on faster networks than an Ethernet.
--
--   psim figure tcp_networks
--   psim run tcp_networks -p network=fddi -p placement=kernel -p protocol=udp
--   psim run tcp_networks -p network=fddi -p placement=library_ring -p protocol=tcp -p slots=2
--
-- The same workstations as in tcp_placement.lua.  Here the CPU is what limits, so a copy, a trap
-- and a switch more of each packet are seen in a stream; longer packets cost less of them a byte.
-- With few `slots` a ring overflows (app.overflowed), and TCP sends again.
local placements = include "parts/placements.lua"
local shown = { "kernel", "library_ring_driver", "server_ipc" }
local network = param("network", "ethernet", placements.networks)
local placement = param("placement", "library_ring_driver", placements.names)
local protocol = param("protocol", "tcp", { "tcp", "udp" })

local rates = { ethernet = 1.25e6, fddi = 12.5e6, atm = 126.79e6 / 8, hippi = 100e6 } -- B/s
local expectations = {}
local function at(n, p, w) return { network = n, placement = p, protocol = w or "tcp" } end
for _, n in ipairs(placements.networks) do
  for _, p in ipairs(shown) do
    expectations[#expectations + 1] = {
      kind = "range", name = n .. ", " .. p .. ": no faster than its bits", at = at(n, p),
      max = rates[n], citation = "derived: the rate of the medium",
    }
  end
  expectations[#expectations + 1] = {
    kind = "ratio", name = n .. ": by a server messages take more than twice as long",
    at = at(n, "server_ipc", "udp"), over = at(n, "library_ring_driver", "udp"), min = 2,
    measure = "echo.time.mean",
    citation = "derived: as on the Ethernet, where the medium has the smallest part",
  }
  expectations[#expectations + 1] = {
    kind = "ratio", name = n .. ": the library is between the kernel and the server",
    at = at(n, "library_ring_driver"), over = at(n, "server_ipc"), min = 1.2, max = 4,
    citation = "derived: neither calls nor messages to a server",
  }
  expectations[#expectations + 1] = {
    kind = "ratio", name = n .. ": the kernel is no slower than the library", at = at(n, "kernel"),
    over = at(n, "library_ring_driver"), min = 0.99, max = 1.6,
    citation = "derived: a trap and a copy less of each packet",
  }
end

return {
  title = "Where TCP and UDP stand, by network",
  doc = "A stream of TCP and the round trip of a message of UDP, by network and placement.",
  machine = placements.machine { placement = placement, protocol = protocol, network = network,
                                 slots = param("slots", 0) },
  workload = placements.workload(protocol),
  sweep = { product = { network = placements.networks, placement = shown,
                        protocol = { "tcp", "udp" } } },
  measures = { "tcp_streams.goodput", "echo.time.mean", "cpu.busiest", "app.overflowed" },
  figure = {
    x = "network", y = "tcp_streams.goodput", by = { "placement", "protocol" },
    where = { protocol = "tcp" }, log = "y",
    x_label = "network", y_label = "stream of TCP", expectations = expectations,
  },
}
