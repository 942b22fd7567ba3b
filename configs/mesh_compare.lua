-- A mesh in the terms of cycle-driven network-on-chip simulators: delays in cycles, loads in flits
-- a node and cycle, latencies in cycles.  docs/models/mesh.md ("Cycles of another simulator") has
-- the mapping.  With the defaults a packet alone takes 3 H + 2 + (L - 1) cycles over H routers.
--
--   psim run mesh_compare -p k=16 -p pattern=transpose -p flits=4 -p fifo=16
--   psim run mesh_compare -p speculative=false            4 cycles a router, VC then switch
--   psim run mesh_compare -p routing_delay=1              one more, at the front of the FIFO;
--                                     above 1 a router takes no more headers while it routes some
--   psim run mesh_compare -p batch=10 -p pattern=tornado  makespan of 10 packets a node at cycle 0
--   psim run mesh_compare -p search=true -p 'fifo={4,8}'  the load at 3 times the latency of 0.01
local cycle_ps = param("cycle_ps", 1000) -- length of a cycle in picoseconds
local k = param("k", 8)
local flits = param("flits", 1)
local fifo = param("fifo", 8)
local routing_delay = param("routing_delay", 0)
local credit_delay = param("credit_delay", 0)
local speculative = param("speculative", true)
local batch = param("batch", 0) -- packets of a batch; 0: open loop
local pattern = param("pattern", "uniform")
local hot = param("hot", -1) -- the hot node; -1: the one in the middle

local function cycles(n)
    return string.format("%dps", n * cycle_ps)
end

local function traffic(t)
    t.pattern = pattern
    t.self_sends = param("self_sends", true)
    t.packet_flits = flits
    t.hot = { hot >= 0 and hot or k * k // 2 }
    t.hot_share = param("hot_share", 1.0) -- the rest is uniform
    return t
end

local open_loop = {
    product = { load = { 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4 } },
}
local search = {
    product = { pattern = { pattern } },
    bisect = { path = "load", low = 0.01, high = 1.0, tolerance = 0.005,
               measure = "latency_cycles", above_low = 3 },
}
local closed = { product = { pattern = { pattern } } }

return {
    title = "Mesh in cycles: latency against offered load",
    doc = "One virtual channel, XY, round robin; k x k nodes; loads in flits a node and cycle.",
    mesh = {
        kind = param("kind", "worm"),
        rows = k,
        columns = k,
        flit_time = cycles(1),
        routing = cycles(routing_delay),
        routing_at = "router",
        allocation = cycles(speculative and 0 or 1),
        crossbar = cycles(1),
        wire = cycles(2),
        credit = cycles(2 + credit_delay),
        injection_delay = cycles(2),
        ejection_delay = cycles(3),
        ejection_credits = true,
        fifo_flits = fifo,
    },
    workload = batch > 0 and traffic { kind = "mesh_batch", packets = batch } or traffic {
        kind = "mesh_load",
        process = "bernoulli",
        load = param("load", 0.1),
        warmup = cycles(param("warmup", 3000)),
        measure = cycles(param("measure", 10000)),
        drain = cycles(param("drain", 20000)),
    },
    sweep = batch > 0 and closed or param("search", false) and search or open_loop,
    measures = batch > 0 and { "makespan_cycles", "latency_cycles", "latency_cycles.max" }
        or { "offered", "accepted", "latency_cycles", "network_cycles", "latency_cycles.p50",
             "latency_cycles.p99", "hops" },
    figure = {
        x = batch > 0 and "pattern" or "load",
        y = batch > 0 and "makespan_cycles" or "latency_cycles",
        x_label = batch > 0 and "pattern" or "offered load [flits/node/cycle]",
        y_label = "cycles",
    },
}
