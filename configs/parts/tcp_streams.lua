-- Hosts at an ATM switch that speak TCP, and their streams.  A segment is 1,500 bytes with its
-- headers, as on an Ethernet; two channels of `delay` lie between two hosts.  No time-out is
-- shorter than the longest wait of an acknowledgement, and the first window is of two segments:
-- the acknowledgement of one alone would wait.
local paragon = include "machines/paragon.lua"

return {
    link = 149.76e6 / 8 * 48 / 53,  -- B/s of data, at OC-3c
    mss = 1448,                     -- 1500 less 20 of IP, 20 of TCP and 12 of its time stamp
    -- The machine: window, delay, loss, and what else TCP is told.
    machine = function(o)
        local tcp = {
            name = "tcp", protocol = "tcp", below = { "vdrop" }, send_buffer = "512KiB",
            receive_buffer = o.window, initial_window = 2, rto_min = "300ms", tick = "10ms",
        }
        for key, value in pairs(o.tcp or {}) do
            tcp[key] = value
        end
        local machine = paragon {
            rows = 3, columns = 3, release = "SUNMOS-1.6",
            graph = {
                { name = "eth", protocol = "eth" },
                { name = "arp", protocol = "arp", below = { "eth" } },
                { name = "ip", protocol = "ip", below = { "arp" } },
                { name = "vdrop", protocol = "vdrop", below = { "ip" }, drop = o.loss },
                tcp,
                { name = "sock", protocol = "sock", below = { "tcp" } },
            },
        }
        machine.network = {
            model = "atm", propagation = o.delay, drop = "epd", buffer_cells = 8192,
        }
        machine.nic.mtu, machine.nic.packet_bytes = "1514B", "1514B"
        machine.nic.header_flits = 8
        return machine
    end,
}
