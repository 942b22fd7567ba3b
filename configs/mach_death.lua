-- A port dies that tasks of other nodes have rights to: alone, or with its node.  Time from the
-- death to the last notification, by the number of nodes that hold rights, over two nets.
--
--   psim run mach_death
--   psim run mach_death -p detector_delay=100ms
--
-- Each holder has asked to be told, and has a call out whose reply cannot come any more.  MACHIPC
-- tells both whatever died: after the port alone, its place tells the holders one by one; after the
-- node, each finds out for itself when the failure detector speaks.  NORMA IPC cleans up nothing
-- after a node: its holders wait for ever, here for two seconds; the node comes back after three,
-- so that the run ends.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local net = param("net", "machipc", { "machipc", "norma" })
local dies = param("workload.dies", "node", { "node", "port" })
local holders = param("holders", 1)
local detector_delay = param("detector_delay", "1s")

local counts = { 1, 3, 7, 15, 31 }
local expectations = {}
local function expect(name, measure, at, min, max, citation)
  expectations[#expectations + 1] = {
    kind = "range", name = name, measure = measure, at = at, min = min, max = max,
    citation = citation,
  }
end
for _, n in ipairs(counts) do
  expect("MACHIPC, the port, holders " .. n .. ": all are told", "mach_death.told.mean",
    { net = "machipc", ["workload.dies"] = "port", holders = n }, 1, 1,
    "derived: its place lists who has rights")
  expect("NORMA, the port, holders " .. n .. ": all are told", "mach_death.told.mean",
    { net = "norma", ["workload.dies"] = "port", holders = n }, 1, 1,
    "kernel/norma/ipc_deadname.c")
  expect("MACHIPC, the node, holders " .. n .. ": all are told", "mach_death.told.mean",
    { net = "machipc", ["workload.dies"] = "node", holders = n }, 1, 1,
    "the five rules of a death (docs/decisions/0140)")
  expect("NORMA, the node, holders " .. n .. ": nobody is told", "mach_death.told.mean",
    { net = "norma", ["workload.dies"] = "node", holders = n }, 0, 0,
    "no cleaning up after a node [Barrera 1991; kernel/norma]")
  if detector_delay == "1s" then
    expect("MACHIPC, the node, holders " .. n .. ": when the detector has spoken",
      "mach_death.time.max", { net = "machipc", ["workload.dies"] = "node", holders = n }, "1s",
      "1010ms", "derived: detector_delay, and work of one node")
  end
end

return {
  title = "Who is told of a death, and when",
  doc = "Time from the death of a port or its node to the last notification, by holders of rights.",
  machine = paragon {
    rows = 1, columns = holders + 1, release = param("release", "R1.4"), graph = graphs.mach(net),
    model = param("network.model", "worm"),
    os = { { service = "mach", over = "ipc" } },
    faults = dies == "node" and { { path = "node 0", at = "50ms", after = "3s" } } or nil,
    detector_delay = detector_delay,
  },
  workload = { kind = "mach_death", dies = dies, at = "50ms", patience = "2s" },
  sweep = {
    product = {
      net = { "machipc", "norma" },
      ["workload.dies"] = { "port", "node" },
      holders = counts,
    },
  },
  measures = { "mach_death.time.max", "mach_death.told.mean", "machine.crashes" },
  figure = {
    x = "holders", y = "mach_death.time.max", by = { "net", "workload.dies" }, log = "xy",
    x_label = "nodes that hold rights", y_label = "from the death to the last notification",
  },
  expectations = expectations,
}
