-- Files of PFS at hosts outside, over HIPPI: what streams out of a Paragon through one node with a
-- board.  Each host reads a file of its own, a megabyte at a time, one request after the other; the
-- gate asks the I/O nodes for it and sends what comes.  The hardware's ceilings are the SCSI buses
-- of the I/O nodes, 10 MB/s each with their overhead, and 100 MB/s at the gate's one channel; one
-- host that waits for each request meets neither.
--
--   psim figure paragon_hippi
--   psim run paragon_hippi -p gate=io         (the board is in the last I/O node)
local paragon_hippi = include "machines/paragon_hippi.lua"
local hosts = param("hosts", 1)
local BUS, HIPPI = 10e6, 100e6 -- bytes a second

local expectations = {
    { kind = "range", name = "4 hosts, 16 I/O nodes: nearly all of the channel",
      at = { hosts = 4, io_nodes = 16 }, min = 0.95 * HIPPI, max = HIPPI,
      citation = "ANSI X3.183, HIPPI-PH: a word of 32 bits in 40 ns" },
    { kind = "ratio", name = "4 hosts, 8 I/O nodes: all of the arrays, eight times one",
      at = { hosts = 4, io_nodes = 8 }, over = { hosts = 4, io_nodes = 1 }, min = 7.9, max = 8.1,
      citation = "derived: the arrays are alike, and the channel has room" },
    { kind = "ratio", name = "4 hosts, 4 I/O nodes: more than one host that waits",
      at = { hosts = 4, io_nodes = 4 }, over = { hosts = 1, io_nodes = 4 }, min = 1.2, max = 2,
      citation = "derived: arrays that wait while a host's megabyte crosses are not busy" },
}
for _, n in ipairs { 1, 2, 4 } do
    expectations[#expectations + 1] = {
        kind = "monotone", name = n .. " hosts: more I/O nodes, more bandwidth",
        of = { hosts = n }, direction = "rising",
        citation = "derived: a request is served by all of them side by side",
    }
    for _, io in ipairs { 1, 2, 4, 8, 16 } do
        expectations[#expectations + 1] = {
            kind = "range", name = n .. " hosts, " .. io .. " I/O nodes: below buses and channel",
            at = { hosts = n, io_nodes = io }, min = 0.2 * math.min(BUS * io, HIPPI),
            max = math.min(BUS * io, HIPPI),
            citation = "derived: min(10 MB/s an I/O node, 100 MB/s)",
        }
    end
end

return {
    title = "Files of PFS at hosts outside, over HIPPI",
    doc = "Bandwidth of hosts that read PFS through one node with a HIPPI board, by I/O nodes.",
    machine = paragon_hippi {
        rows = 16, columns = 4, io_nodes = param("io_nodes", 4), hosts = hosts,
        gate = param("gate", "service", { "service", "io" }), storage = { kind = "raid3" },
    },
    workload = { kind = "io", system = "files", op = "read", nodes = hosts, requests = 40,
                 size = param("size", "1MiB") },
    sweep = { product = { hosts = { 1, 2, 4 }, io_nodes = { 1, 2, 4, 8, 16 } } },
    measures = { "file.bandwidth", "file.latency", "gate.cpu.busiest", "host.cpu.busiest" },
    figure = {
        x = "io_nodes", y = "file.bandwidth", by = "hosts", log = "xy",
        x_label = "I/O nodes", y_label = "bandwidth of all hosts",
        expectations = expectations,
    },
}
