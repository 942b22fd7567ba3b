-- Messages between programs of two workstations over ATM: domains, and buffers cached or not.
--
--   psim figure fbufs_atm
--
-- A fast adapter moves a frame of 16 KiB by DMA at 285 Mb/s, what single cells leave of the bus
-- while the CPU works (calibrated).  The CPU has 460 us for each: cached buffers cross
-- protection domains in that, new pages that are mapped, cleared and secured do not.
local fbufs = include "parts/fbufs.lua"

local domains = param("domains", 3, { 1, 3 })
local buffers = param("buffers", "cached", { "cached", "uncached" })
local server, app = domains == 3 and "server" or nil, domains == 3 and "app" or nil
local transfer = fbufs.used[buffers]

local CITE = "Druschel & Peterson, SOSP 1993 (memory): "
local function at(n, name, size)
    return { domains = n, buffers = name, ["workload.size"] = size or "1MB" }
end

return {
    title = "Fbufs from end to end",
    doc = "Rate of messages from a program to another over ATM, by length, domains and buffers.",
    machine = {
        rows = 1, columns = 2,
        network = { model = "atm", rate = "oc12c", buffer_cells = 0, transit = "10us" },
        nic = { mtu = "16KiB", packet_bytes = "16KiB", header_flits = 8, dma_rate = "35.6MB/s" },
        node = { coprocessor = false },
        prices = fbufs.prices,
        graph = {
            { name = "atm", protocol = "driver" },
            { name = "blast", protocol = "blast", below = { "atm" }, domain = server },
            { name = "program", protocol = "user", below = { "blast" }, domain = app },
        },
        domains = domains == 3 and
            { server = { transfer = transfer }, app = { transfer = transfer } } or nil,
    },
    workload = { kind = "exchange", source = "program", sink = "program", partner = 1,
                 size = param("workload.size", "1MB"), rounds = 32, warmup = 16,
                 window = 16 },
    sweep = {
        product = {
            domains = { 1, 3 }, buffers = { "cached", "uncached" },
            ["workload.size"] = { "4KiB", "16KiB", "64KiB", "256KiB", "1MB" },
        },
    },
    measures = { "bandwidth.mean", "cpu.busiest" },
    figure = {
        x = "workload.size", y = "bandwidth.mean", by = { "domains", "buffers" }, log = "x",
        x_label = "length of a message", y_label = "rate",
        expectations = {
            { kind = "range", name = "kernel to kernel: 285 Mb/s", measure = "bandwidth.mean",
              at = at(1, "cached"), min = 0.9 * 285e6 / 8, max = 1.1 * 285e6 / 8,
              citation = CITE .. "about 285 Mb/s; +-10 %" },
            { kind = "ratio", name = "user to user, cached: as kernel to kernel",
              measure = "bandwidth.mean", at = at(3, "cached"), over = at(1, "cached"),
              min = 0.9, max = 1.1, citation = CITE .. "both about 285 Mb/s; +-10 %" },
            { kind = "ratio", name = "user to user, uncached: lower", measure = "bandwidth.mean",
              at = at(3, "uncached"), over = at(3, "cached"), min = 0.1, max = 0.95,
              citation = CITE .. "uncached is bound by the CPU, and lower" },
        },
    },
}
