-- Where protocols are placed: in one to three protection domains, on one to three processors.
--
--   psim figure placement
--   psim run placement -p work=calls
--
-- Two workstations with three CPUs each.  A program (domain app) uses RDM, or calls by CHAN over
-- BLAST (domain server), over the kernel's driver.  Calls are short, one at a time: a domain costs
-- crossings, a processor changes little.  Bulk has messages under way on every processor at once:
-- some of what three domains cost on one processor, three take side by side.
local fbufs = include "parts/fbufs.lua"

local work = param("work", "bulk", { "bulk", "calls" })
local domains = param("domains", 3, { 1, 2, 3 })
local cpus = param("cpus", 1, { 1, 2, 3 })
local calls = work == "calls"

local app = domains >= 2 and "app" or nil
local server = domains == 3 and "server" or nil
local transfer = fbufs.used.cached
-- The kernel's upcalls and programs are on the application CPU.
local rows = {}
if app then
    rows.app = { transfer = transfer, cpu = cpus >= 2 and "coprocessor" or "application" }
end
if server then
    rows.server = { transfer = transfer, cpu = cpus == 3 and "third" or "application" }
end

local graph = {
    { name = "atm", protocol = "driver" },
}
if calls then
    graph[2] = { name = "blast", protocol = "blast", below = { "atm" }, domain = server }
    graph[3] = { name = "chan", protocol = "chan", below = { "blast" }, domain = server }
else
    graph[2] = { name = "rdm", protocol = "rdm", below = { "atm" }, resend = "50ms",
                 domain = server }
end
graph[#graph + 1] = { name = "program", protocol = "user", below = { calls and "chan" or "rdm" },
                      domain = app, serve = calls }

local function at(w, n, c) return { work = w, domains = n, cpus = c } end

return {
    title = "Placement of protocols",
    doc = "Time of a call, and of a message of bulk data, by domains and processors.",
    machine = {
        rows = 1, columns = 2,
        network = { model = "atm", rate = "oc12c", buffer_cells = 0, transit = "10us" },
        nic = { mtu = "4KiB", packet_bytes = "4KiB", header_flits = 8 },
        node = { coprocessor = true, third = true, upcall_cpu = "application" },
        prices = fbufs.prices,
        graph = graph, domains = rows,
    },
    workload = { kind = "exchange", source = "program", sink = "program", partner = 1,
                 calls = calls, size = calls and "100B" or "16KiB",
                 rounds = 64, warmup = 16, window = 16 },
    sweep = { product = { work = { "bulk", "calls" }, domains = { 1, 2, 3 }, cpus = { 1, 2, 3 } } },
    measures = { "message.mean", "bandwidth.mean", "cpu.busiest" },
    figure = {
        x = "domains", y = "message.mean", by = { "work", "cpus" },
        x_label = "protection domains", y_label = "time of a message, or a call",
        expectations = {
            { kind = "ratio", name = "calls: domains cost crossings", measure = "message.mean",
              at = at("calls", 3, 1), over = at("calls", 1, 1), min = 1.2, max = 3,
              citation = "derived: four crossings a call and domain, of 40 us" },
            { kind = "ratio", name = "calls: other processors do not help",
              measure = "message.mean", at = at("calls", 3, 3), over = at("calls", 3, 1),
              min = 0.9, max = 1.3, citation = "derived: one thing happens at a time" },
            { kind = "ratio", name = "bulk: three domains on one processor cost",
              measure = "message.mean", at = at("bulk", 3, 1), over = at("bulk", 1, 1),
              min = 1.1, max = 3, citation = "derived: crossings of each message and fragment" },
            { kind = "ratio", name = "bulk: three processors take them side by side",
              measure = "message.mean", at = at("bulk", 3, 3), over = at("bulk", 3, 1),
              min = 0.3, max = 0.9, citation = "derived: the busiest processor has a part alone" },
        },
    },
}
