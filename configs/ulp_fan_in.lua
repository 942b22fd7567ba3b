-- Many programs send to one: ULP whose receiver grants in turns from a pool, the same with a pool
-- that never ends, and RDM; over the mesh, which holds back what does not fit, and over an ATM
-- switch whose output queue loses it.
--
--   psim figure ulp_fan_in
--   psim run ulp_fan_in -p network=atm -p protocol=ulp -p cells=512 -p pool=18KiB
--
-- The switch refuses whole frames once its queue is half full (epd), so that what it carries is of
-- use.  What may be under way in all has to fit below that: 36 KiB are four frames of 192 cells.
-- Where nothing bounds it, each sender has its window of 64 KiB on the way at once, most of it is
-- lost, goes again at once, and is lost again.  RDM has windows of 64 KiB, too, and no end to it
-- above 16 senders, since all of them wait the same time.
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"
local graphs = include "parts/graphs.lua"
local LINK = 149.76e6 / 8 * 48 / 53                   -- B/s of data, at OC-3c
local COPY = 60e6                                     -- B/s: machines/paragon.lua, copy_sum

local name = param("network", "atm", { "mesh", "atm" })
local protocol = param("protocol", "ulp", { "ulp", "ulp_unbound", "rdm" })
local senders = param("senders", 64)
local cells = param("cells", 2048)
local pool = param("pool", name == "atm" and "36KiB" or "1MiB")

local machine = paragon {
    rows = 5, columns = 13, release = "SUNMOS-1.6",
    graph = protocol == "rdm" and graphs.messages("rdm", "20ms") or
        graphs.messages("ulp", "20ms", { pool = protocol == "ulp" and pool or "1GiB" }),
}
if name == "atm" then
    frames.on(machine, { model = "atm", drop = "epd", buffer_cells = cells })
end

local function case(network, what, n)
    return { network = network, protocol = what, senders = n }
end

local expectations = {
    { kind = "ratio", name = "mesh, 64: nothing is lost, a pool changes little",
      at = case("mesh", "ulp", 64), over = case("mesh", "ulp_unbound", 64), min = 0.9, max = 1.1,
      citation = "derived: the network holds back what does not fit" },
    { kind = "range", name = "mesh, 64: most of what a CPU copies and sums",
      at = case("mesh", "ulp", 64), min = 0.75 * COPY, max = COPY,
      citation = "derived: the receiver's pass over the data, and its frames" },
}
local function expect(members)
    expectations[#expectations + 1] = members
end
for _, n in ipairs { 1, 4, 16, 64 } do
    expect { kind = "range", name = string.format("ATM, %d: nine tenths of the link", n),
             at = case("atm", "ulp", n), min = 0.9 * LINK, max = LINK,
             citation = "derived: what is under way fits the queue, so nothing is lost" }
    expect { kind = "range", name = string.format("ATM, %d: nothing goes again", n),
             measure = "messages.resent", at = case("atm", "ulp", n), max = 0,
             citation = "derived: what is under way fits the queue" }
    expect { kind = "range", name = string.format("ATM, %d: all get the same", n),
             measure = "fairness.mean", at = case("atm", "ulp", n), min = 0.95, max = 1,
             citation = "derived: turns in order, a frame or some each" }
end
for _, c in ipairs { { 4, 0.7 }, { 16, 0.3 }, { 64, 0.1 } } do
    local n, most = c[1], c[2]
    expect { kind = "ratio", name = string.format("ATM, %d: windows alone collapse", n),
             at = case("atm", "ulp_unbound", n), over = case("atm", "ulp", n), max = most,
             citation = "CMU-CS-93-132: congestion; derived: windows of 7 frames each into a "
                 .. "queue that takes 5" }
end
for _, c in ipairs { { 4, 0.7 }, { 16, 0.3 } } do
    local n, most = c[1], c[2]
    expect { kind = "ratio", name = string.format("ATM, %d: so does RDM", n),
             at = case("atm", "rdm", n), over = case("atm", "ulp", n), max = most,
             citation = "derived: the same windows" }
end

return {
    title = "Fan-in: what comes of many senders to one",
    doc = "Bytes a second that one program gets from 1 to 64, by network and protocol.",
    machine = machine,
    workload = { kind = "fan_in", senders = senders, messages = 8, size = "32KiB" },
    sweep = {
        product = { network = { "mesh", "atm" }, protocol = { "ulp", "ulp_unbound", "rdm" },
                    senders = { 1, 4, 16, 64 } },
        constraint = function(p)
            return p.network == "mesh" or p.protocol ~= "rdm" or (p.senders > 0 and p.senders <= 16)
        end,
    },
    measures = { "goodput.mean", "fairness.mean", "longest.mean", "messages.resent",
                 "network.frames_refused" },
    figure = {
        x = "senders", y = "goodput.mean", by = { "network", "protocol" }, log = "xy",
        x_label = "senders", y_label = "goodput", expectations = expectations,
    },
}
