-- The name service of Mach IPC: look-ups of names at home, and of the next node over a net.
--
--   psim run mach_names
--   psim run mach_names -p remote=true
--   psim run mach_names -p remote=true -p machine.columns=6 -p workload.names=50
--
-- A look-up at home is one call by local IPC; its request has two names of 80 bytes, its reply a
-- code and a right.  One of another node is passed on by the own server to that node's, whose reply
-- comes to the client straight: a message here, one there, one back.
local paragon = include "machines/paragon.lua"

local remote = param("remote", false)
local columns, names = param("machine.columns", 2), param("workload.names", 8)
local rounds = param("workload.rounds", 4)
local graph = {
  { name = "mesh",  protocol = "driver" },
  { name = "blast", protocol = "blast",   below = { "mesh" } },
  { name = "chan",  protocol = "chan",    below = { "blast" } },
  { name = "rpc",   protocol = "select",  below = { "chan" } },
  { name = "ipc",   protocol = "machipc", below = { "rpc" } },
}

return {
  title = "Names of ports by Mach's name service",
  doc = "Time of a look-up, of a name of the same node and of another.",
  machine = paragon {
    rows = 1, columns = columns, graph = graph,
    os = {
      { service = "mach", over = remote and "ipc" or "rpc" },
      { service = "mach_names" },
    },
  },
  workload = { kind = "mach_names", remote = remote, names = names, rounds = rounds },
  sweep = { product = { remote = { false, true } } },
  measures = {
    "mach_names.here.mean", "mach_names.there.mean", "mach_names.passed", "mach_names.looked_up",
  },
  expectations = {
    { kind = "range", name = "at home nothing is passed on", measure = "mach_names.passed",
      at = { remote = false }, min = 0, max = 0, citation = "derived: the names are there" },
    { kind = "range", name = "each look-up of another node is passed on once",
      measure = "mach_names.passed", at = { remote = true },
      min = columns * names * rounds, max = columns * names * rounds,
      citation = "derived: nodes x names x rounds" },
  },
}
