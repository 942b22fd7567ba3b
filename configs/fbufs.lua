-- What it costs to get data into another protection domain, by message length and mechanism.
--
--   psim figure fbufs
--
-- Two domains of one workstation: a program in one sends, one in the other receives, by one
-- boundary.  What a page more of a message costs is compared with the published table; which of
-- its numbers were calibrated says parts/fbufs.lua.
local fbufs = include "parts/fbufs.lua"

local transfer = param("transfer", "cached_volatile", fbufs.names)
local published = {                    -- us a page [Druschel & Peterson, SOSP 1993, memory]
    cached_volatile = 3, volatile = 21, cached = 29, plain = 37, cow = 159, copy = 204,
    remap = 22, remap_new = 42,
}
local CITE = "Druschel & Peterson, SOSP 1993 (memory): "

local function at(name, size)
    return { transfer = name, ["workload.size"] = size or "256KiB" }
end
local expectations = {}
local function add(e) expectations[#expectations + 1] = e end
for _, name in ipairs(fbufs.names) do
    local near = published[name]
    add { kind = "range", name = name .. ": " .. near .. " us a page", measure = "page.mean",
          at = at(name), min = 0.85e-6 * near, max = 1.15e-6 * near,
          citation = CITE .. near .. " us; +-15 %" }
end
for i, pair in ipairs { { "volatile", "cached_volatile" }, { "cached", "volatile" },
                        { "plain", "cached" }, { "cow", "plain" }, { "copy", "cow" } } do
    add { kind = "ratio", name = pair[1] .. " costs more than " .. pair[2], measure = "page.mean",
          at = at(pair[1]), over = at(pair[2]), min = 1.01, max = 1000,
          citation = CITE .. "their order" }
end
add { kind = "range", name = "copy, 1 MiB: nears 161 Mb/s", measure = "bandwidth.mean",
      at = at("copy", "1MiB"), min = 0.85 * 161e6 / 8, max = 1.0 * 161e6 / 8,
      citation = CITE .. "asymptote 161 Mb/s" }
add { kind = "range", name = "cow, 1 MiB: nears 206 Mb/s", measure = "bandwidth.mean",
      at = at("cow", "1MiB"), min = 0.85 * 206e6 / 8, max = 1.0 * 206e6 / 8,
      citation = CITE .. "asymptote 206 Mb/s" }

return {
    title = "Fbufs and what they are compared with",
    doc = "Rate of messages into another protection domain, by length and mechanism.",
    machine = {
        rows = 1, columns = 1,
        network = { model = "ideal" },
        node = { coprocessor = false },
        prices = fbufs.prices,
        graph = {
            { name = "loop", protocol = "loop", domain = "receiver" },
            { name = "sink", protocol = "user", below = { "loop" }, domain = "receiver" },
            { name = "source", protocol = "user", below = { "loop" }, domain = "sender" },
        },
        domains = { sender = { transfer = fbufs.transfers[transfer] } },
    },
    workload = { kind = "exchange", size = param("workload.size", "4KiB"), rounds = 16,
                 slope = true, window = param("workload.window", 1) },
    sweep = {
        product = {
            transfer = fbufs.names,
            ["workload.size"] = { "4KiB", "16KiB", "64KiB", "256KiB", "1MiB" },
        },
    },
    measures = { "message.mean", "bandwidth.mean", "page.mean" },
    figure = {
        x = "workload.size", y = "bandwidth.mean", by = "transfer", log = "xy",
        x_label = "length of a message", y_label = "rate",
        expectations = expectations,
    },
}
