-- A host that is too slow for its drive: the tape stops, backs up and starts again, and while it
-- does the buffer fills.  With a buffer B, a drive of rate d, a host of rate h and a hitch t the
-- rate is [B d / (d - h)] / [B / (d - h) + max(t, B / h)]: all that the host gives while B is at
-- least h t, and less beyond.
--
--   psim figure tape_streaming
--
-- A DLT 4000, whose hitch of 2.5 s is ASSUMED; so the heights are those of the formula.
local d, t = 1.488314, 2.5 -- MB/s, s

-- MB/s for a buffer of B MB and a host of h MB/s.
local function formula(B, h)
    if h >= d then return d end
    local wait = B / h
    if wait < t then wait = t end
    return B * d / (d - h) / (B / (d - h) + wait)
end

local expectations = {}
for _, B in ipairs { 0.25, 1, 2, 4 } do
    for _, h in ipairs { 0.2, 0.6, 1.2, 2 } do
        local mb = formula(B, h)
        expectations[#expectations + 1] = {
            kind = "range", name = string.format("%g MB, host at %g MB/s", B, h),
            at = { ["devices.buffer.size"] = string.format("%dkB", B * 1000 // 1),
                   ["workload.rate"] = string.format("%dkB/s", h * 1000 // 1) },
            min = string.format("%dB/s", mb * 0.96e6 // 1),
            max = string.format("%dB/s", mb * 1.04e6 // 1),
            citation = "derived: the formula above",
        }
    end
end

return {
    title = "A DLT 4000 whose host is too slow for it, by buffer",
    doc = "The rate that reaches the tape against the host's, with the buffer's size.",
    devices = merge(include("tapes/dlt4000.lua"), { buffer = { size = "2000kB" } }),
    workload = {
        kind = "tape_io", mode = param("workload.mode", "write"), block = "10kB", requests = 20000,
        rate = "600kB/s",
    },
    sweep = {
        product = {
            ["devices.buffer.size"] = { "250kB", "1000kB", "2000kB", "4000kB" },
            ["workload.rate"] = { "100kB/s", "200kB/s", "400kB/s", "600kB/s", "800kB/s",
                                  "1000kB/s", "1200kB/s", "1400kB/s", "1600kB/s", "2000kB/s" },
        },
    },
    measures = { "bandwidth", "tape.hitches", "response.p99" },
    figure = {
        x = "workload.rate", y = "bandwidth", by = "devices.buffer.size",
        x_label = "the host's rate", y_label = "rate to the tape",
        expectations = expectations,
    },
}
