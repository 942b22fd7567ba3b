-- Which is the narrower, the CPU's pass over the data or the link?  ULP is to reach nine tenths of
-- it with long messages: by the rate at which a CPU copies and sums, and by network.
--
--   psim figure ulp_rate
--
-- What keeps it from there: what a frame costs beside its bytes (mesh: 2.3 us of 2,058 bytes of
-- data, which copying at 120 MB/s takes 17 us), and windows of few frames: copy, link and copy work
-- side by side only on different frames.  HIPPI's frames may have 64 KiB, as much as a window; with
-- two of them under way (hippi64) it stays below, with frames of 8 KiB it does not.  On a shared
-- medium a grant waits until the sender has stopped, so that windows are twice as long there; and
-- on an Ethernet, where who has just sent wins the next collision, 86 to 89 % come of that.
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"

-- Bytes a second of data that a link carries; its network; bytes of a frame, if not the longest.
local networks = {
    mesh = { link = 175e6 },                                        -- as sold: machines/paragon.lua
    oc3c = { link = 149.76e6 / 8 * 48 / 53, on = { model = "atm", rate = "oc3c" } },
    oc12c = { link = 599.04e6 / 8 * 48 / 53, on = { model = "atm", rate = "oc12c" } },
    hippi = { link = 100e6, on = { model = "hippi" }, frame = 8192 },
    hippi64 = { link = 100e6, on = { model = "hippi" } },
    fddi = { link = 12.5e6, on = { model = "fddi" }, grant = "128KiB" },
    ethernet = { link = 1.25e6 * 1500 / 1538, on = { model = "ethernet" }, grant = "128KiB" },
}
local names = { "mesh", "oc3c", "oc12c", "hippi", "hippi64", "fddi", "ethernet" }
local copies = { 15, 30, 60, 120, 240 }                             -- MB/s
local FRAME, DATA = 2.3e-6, 2058                                    -- of the mesh

local name = param("network", "mesh", names)
local copy = param("copy", 60)
local chosen = networks[name]

local machine = paragon {
    rows = 1, columns = 2, release = "SUNMOS-1.6",
    graph = {
        { name = "mesh", protocol = "driver" },
        { name = "ulp", protocol = "ulp", below = { "mesh" }, grant = chosen.grant or "64KiB" },
        { name = "nx", protocol = "nx", below = { "ulp" }, grant = chosen.grant or "64KiB" },
    },
}
machine.prices.copy_sum = { rate = copy .. "MB/s" }
if chosen.on then frames.on(machine, chosen.on, chosen.frame) end

local expectations = {}
local function expect(what, n, c, members)
    members.kind, members.name = "range", string.format("%s, %d MB/s: %s", n, c, what)
    members.at = { network = n, copy = c }
    expectations[#expectations + 1] = members
end
for _, n in ipairs(names) do
    for _, c in ipairs(copies) do
        local least = math.min(c * 1e6, networks[n].link)
        if n == "hippi64" then
            expect("no more than two frames under way", n, c, {
                max = math.min(least, 2 / (2 / (c * 1e6) + 1 / networks[n].link)),
                citation = "derived: each is copied, sent, copied before its grant goes back" })
        elseif n == "ethernet" then
            expect("grants collide with data", n, c, {
                min = 0.85 * least, max = least,
                citation = "derived: frames of 1,500 bytes in 1,538 octet times; the rest is what "
                    .. "collisions and waiting for grants cost" })
        elseif n == "mesh" and c == 120 then
            expect("frames cost more than a tenth", n, c, {
                min = 0.95 * DATA / (DATA / 120e6 + FRAME), max = 0.9 * least,
                citation = "derived: 17.2 us of copying and 2.3 us beside it" })
        else
            expect("nine tenths of copy and link", n, c, {
                min = 0.9 * least, max = 1.01 * least,
                citation = "CMU-CS-93-132: close to the hardware's limits; derived: 90 % of them" })
        end
    end
end

return {
    title = "ULP: rate of long messages by what copies them and what carries them",
    doc = "Rate of messages of a million bytes between two programs, by copy rate and network.",
    machine = machine,
    workload = { kind = "message_time", rounds = 2 },
    sweep = { product = { network = names, copy = copies } },
    measures = { "asymptote.mean", "latency.mean", "ulp.resent", "ulp.stalled" },
    figure = {
        x = "copy", y = "asymptote.mean", by = "network", log = "xy",
        x_label = "copy and sum (MB/s)", y_label = "rate of messages of 1 MB",
        expectations = expectations,
    },
}
