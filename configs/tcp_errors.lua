-- What goes wrong with sockets: the run fails, with code 1 and a sentence: the call, the error that
-- 4.4BSD has for it, and what it means.
--
--   psim run tcp_errors -p what=none
--
-- what: none, in_use, no_port, refused, no_host, reset or gone.
local paragon = include "machines/paragon.lua"
local what = param("what", "none",
                   { "none", "in_use", "no_port", "refused", "no_host", "reset", "gone" })

local machine = paragon {
    rows = 1, columns = 2, release = "SUNMOS-1.6",
    graph = {
        { name = "eth", protocol = "eth" },
        { name = "arp", protocol = "arp", below = { "eth" } },
        { name = "ip", protocol = "ip", below = { "arp" } },
        { name = "tcp", protocol = "tcp", below = { "ip" } },
        { name = "sock", protocol = "sock", below = { "tcp" } },
    },
    faults = what == "gone" and { { path = "node 1", at = "500ms" } } or nil,
}

return {
    title = "TCP: what goes wrong",
    machine = machine,
    workload = { kind = "tcp_errors", what = what },
    measures = { "tcp.connects", "tcp.drops", "tcp.sndrst", "tcp.timeoutdrop" },
}
