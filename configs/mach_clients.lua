-- One server task of Mach IPC and up to 1,000 clients, each on a node of its own, over MACHIPC and
-- NORMA IPC: requests that the server takes in a second, time of a call, and how evenly the clients
-- are served, by their number.
--
--   psim run mach_clients
--   psim run mach_clients -p clients=32 -p workload.size=4000B -p workload.queue=1
--   psim run mach_clients -p net=machipc -p clients=4095 -p ports=245 -p rounds=1
--
-- All begin at one moment.  What the server's node does with frames is the bound, and its calls in
-- a second stay what they are with a few clients; each client gets its share.  Where ticks of the
-- clock of NORMA find answers missing, because the node is late with them, it asks, and the
-- questions take some of the node's time: with 999 clients a third, and some clients wait for ten
-- times the mean.  Requests of a page or so make the server's task the bound, and its port's limit
-- counts: the second command tries one.  The third has a million ports on 4,096 nodes, over the net
-- that needs no minutes for it: mach_rpc.kernel is the memory of a node.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local net = param("net", "machipc", { "machipc", "norma" })
local clients = param("clients", 1)
local rounds = param("rounds", 10)
local start = param("start", clients > 1000 and "20s" or "2s")
local size = param("workload.size", "0B")

-- As square a mesh as has no node without a task.
local nodes, rows = clients + 1, 1
for r = 1, math.floor(math.sqrt(nodes)) do
  if nodes % r == 0 then rows = r end
end

local expectations = {}
local function expect(e) expectations[#expectations + 1] = e end
if size == "0B" and rounds == 10 then
  for _, n in ipairs { "machipc", "norma" } do
    expect {
      kind = "ratio", name = n .. ": 63 clients take the server no more time a call than 15",
      measure = "mach_rpc.served.mean", at = { net = n, clients = 63 },
      over = { net = n, clients = 15 }, min = 0.98, max = 1.02,
      citation = "derived: closed clients, one bound, work that does not grow with their number",
    }
    for _, many in ipairs { 3, 15, 63, 255 } do
      expect {
        kind = "range", name = n .. ", clients " .. many .. ": served alike",
        measure = "mach_rpc.fairness.mean", at = { net = n, clients = many }, min = 0.98, max = 1,
        citation = "derived: whoever asks is served in the order of arrival",
      }
    end
  end
  expect {
    kind = "ratio", name = "machipc: nor do 999", measure = "mach_rpc.served.mean",
    at = { net = "machipc", clients = 999 }, over = { net = "machipc", clients = 15 },
    min = 0.98, max = 1.02, citation = "derived: the same",
  }
  expect {
    kind = "range", name = "norma, clients 999: it asks, though nothing is lost",
    measure = "ipc.syncs", at = { net = "norma", clients = 999 }, min = 999,
    citation = "derived: a call takes longer than the 20 ms after which it asks",
  }
end

return {
  title = "One server and many clients by Mach IPC",
  doc = "Requests a second, time of a call and Jain's index, by number of clients and net.",
  machine = paragon {
    rows = rows, columns = nodes // rows, release = param("release", "R1.4"),
    graph = graphs.mach(net),
    model = param("network.model", "worm", { "worm", "ideal", "flit" }),
    os = { { service = "mach", over = "ipc" } },
  },
  workload = {
    kind = "mach_rpc", server = "remote", size = size, queue = param("workload.queue", 5),
    rounds = rounds, start = start, ports = param("ports", 0),
  },
  sweep = {
    product = {
      net = { "machipc", "norma" },
      clients = { 1, 3, 15, 63, 255, 999 },
    },
  },
  measures = {
    "mach_rpc.served.mean", "mach_rpc.time.mean", "mach_rpc.time.max", "mach_rpc.fairness.mean",
    "mach_rpc.client.min", "mach_rpc.client.max", "mach_rpc.kernel.mean", "mach.full",
    "ipc.syncs",
  },
  figure = {
    x = "clients", y = "mach_rpc.served.mean", by = "net", log = "x",
    x_label = "clients", y_label = "requests served",
  },
  expectations = expectations,
}
