-- A service dies under its clients, with its task or with its node; a supervisor that has asked to
-- be told of its death starts another.  How long clients are without it, by the number of clients.
--
--   psim run mach_supervisor
--   psim run mach_supervisor -p workload.repeat=false    -- a call in doubt is given up
--   psim run mach_supervisor -p dies=node -p detector_delay=100ms
--   psim run mach_supervisor -p dies=task -p net=norma
--
-- When the task dies its node tells the supervisor and the clients at once; the next service is
-- started on the next host.  When the node dies they are told by the failure detector.  The dead
-- node comes back, and is a host again.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local net = param("net", "machipc", { "machipc", "norma" })
local dies = param("dies", "task", { "task", "node" })
local clients = param("workload.clients", 2)
local hosts = param("workload.hosts", 2)
local nodes, rounds = param("nodes", 2), param("workload.rounds", 100) -- nodes of clients
local crashes, lives = param("workload.crashes", 1), param("workload.lives", "10ms")
local again = param("workload.repeat", true)
local detector_delay = param("detector_delay", "1s")

local counts = { 1, 2, 4, 8 }
local expectations = {}
local function expect(name, measure, at, min, max, citation)
  expectations[#expectations + 1] = {
    kind = "range", name = name, measure = "mach_supervisor." .. measure, at = at,
    min = min, max = max, citation = citation,
  }
end
for _, n in ipairs(counts) do
  for _, what in ipairs { "task", "node" } do
    local at, all = { dies = what, ["workload.clients"] = n }, n * nodes
    local deaths = what == "task" and crashes or 1
    local name, calls = what .. ", clients " .. n .. ": ", all * rounds
    expect(name .. "every call ends", "time.count", at, calls, calls,
      "derived: with a reply, or in doubt")
    expect(name .. "executions", "executed.count", at,
      again and calls or calls - all * deaths, again and calls + all * deaths or calls,
      "derived: a call is in doubt once at most for a death, and its client is told")
    if again then
      expect(name .. "every call is answered", "answered.mean", at, 1, 1,
        "derived: it is made again until it is")
    end
    if detector_delay == "1s" and what == "node" then
      expect(name .. "when the detector has spoken", "gap.max", at, "1s", "1010ms",
        "derived: detector_delay, the start of a service, a look-up, the calls of all others")
    elseif what == "task" and crashes == 1 and net == "machipc" then
      expect(name .. "at once", "gap.max", at, 0, 2000 + 400 * all .. "us",
        "derived: one wait, three calls of the supervisor, a look-up, the calls of all others")
    end
  end
end

return {
  title = "A service is started again",
  doc = "How long clients are without a service whose task or node dies, by number of clients.",
  machine = paragon {
    rows = 1, columns = nodes + hosts, release = param("release", "R1.4"),
    model = param("network.model", "worm"),
    graph = graphs.mach(net),
    os = { { service = "mach", over = "ipc" }, { service = "mach_names", over = "ipc" } },
    faults = dies == "node" and { { path = "node 1", at = "10ms", after = "500ms" } } or nil,
    detector_delay = detector_delay,
  },
  workload = {
    kind = "mach_supervisor", hosts = hosts, clients = clients, rounds = rounds,
    crashes = dies == "task" and crashes or 0, lives = lives, ["repeat"] = again,
  },
  sweep = {
    product = { dies = { "task", "node" }, ["workload.clients"] = counts },
  },
  measures = {
    "mach_supervisor.gap.max", "mach_supervisor.restart.mean", "mach_supervisor.time.count",
    "mach_supervisor.executed.count", "mach_supervisor.doubts.mean",
    "mach_supervisor.answered.mean",
  },
  figure = {
    x = "workload.clients", y = "mach_supervisor.gap.max", by = "dies", log = "xy",
    x_label = "clients on each of two nodes", y_label = "without a service, at most",
  },
  expectations = expectations,
}
