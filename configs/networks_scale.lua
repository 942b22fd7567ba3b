-- A machine of up to 4,096 nodes, each on one network or on two: what a second interface costs the
-- host, and whether it changes what goes over the first.
-- All ranks send messages around a ring and meet; they go over the mesh, or over a switch at which
-- all nodes have a port.
--
--   psim run networks_scale -o scale.db
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"
local side, second = param("side", 8), param("second", "none", { "none", "idle", "used" })
local used = second == "used" and "lan" or "mesh"

local graph = {
    { name = "mesh", protocol = "driver", interface = "mesh" },
    { name = "rdm", protocol = "rdm", below = { used }, resend = "200ms" },
    { name = "nx", protocol = "nx", below = { "rdm" } },
}
local machine = paragon { rows = side, columns = side, graph = graph }
machine.network = nil
machine.networks = { mesh = { kind = "worm" } }
if second ~= "none" then
    table.insert(graph, 2, { name = "lan", protocol = "driver", interface = "lan" })
    machine.networks.lan = { kind = "switched", nic = frames.nic("switched") }
end

return {
    title = "Machines on one network and on two",
    doc = "Messages around a ring of all nodes, over the first of two networks or the second.",
    machine = machine,
    workload = { kind = "job", program = "ring", steps = 4 },
    sweep = { product = { side = { 8, 16, 32, 64 }, second = { "none", "idle", "used" } } },
    measures = { "mesh.sent", "lan.sent", "rdm.resent", "steps" },
    expectations = {
        { kind = "ratio", name = "a second network that nobody uses: as many steps as without",
          measure = "steps", at = { side = 8, second = "idle" },
          over = { side = 8, second = "none" }, min = 1, max = 1,
          citation = "derived: nothing goes over it" },
        { kind = "range", name = "none over the mesh where the second is used",
          measure = "mesh.sent", at = { side = 8, second = "used" }, min = 0, max = 0,
          citation = "derived: the graph has the switch below the messages" },
    },
}
