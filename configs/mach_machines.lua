-- RPC between tasks by Mach IPC on two machines: at home, and to another node over MACHIPC and over
-- NORMA IPC; time of a call, and how fast the bytes of its request go, by their number.
--
--   psim run mach_machines
--   psim figure mach_machines
--   psim run mach_machines -p machine=sp1 -p messages=EUI-H
--
-- The frames of the Paragon hold some 2 KB, and its coprocessor takes what comes; the SP-1's
-- processor writes and reads packets of 224 bytes, and is interrupted by each.  There NORMA stands
-- on BLAST, which cuts its pages.  BLAST has 64 fragments for one call: on the SP-1 MACHIPC's long
-- messages go in several calls.
local graphs = include "parts/graphs.lua"

local machine = param("machine", "paragon", { "paragon", "sp1" })
local net = param("net", "machipc", { "local", "machipc", "norma" })
local size = param("workload.size", "0B")
local messages = param("messages", "MPL", { "MPL", "EUI-H" })
local rounds = 20
local sizes = { "0B", "256B", "1KiB", "4000B", "8KiB", "16KiB", "64KiB" }

local home = net == "local"
local options = {
  rows = 1, columns = 2,
  graph = home and graphs.machine or graphs.mach(net, machine == "sp1" and "blast" or "mesh"),
  os = { { service = "mach", over = home and "rpc" or "ipc" } },
}
local chosen
if machine == "sp1" then
  options.messages = messages
  chosen = (include "machines/sp1.lua")(options)
else
  chosen = (include "machines/paragon.lua")(options)
end

local function at(m, n, bytes)
  return { machine = m, net = n, ["workload.size"] = bytes }
end
local expectations = {
  {
    kind = "ratio", name = "Paragon, 64 KiB: NORMA over MACHIPC",
    at = at("paragon", "norma", "64KiB"),
    over = at("paragon", "machipc", "64KiB"), min = 1.5,
    citation = "derived: it waits for an answer after each page",
  },
}
if messages == "MPL" then
  expectations[3] = {
    kind = "ratio", name = "SP-1, 64 KiB: NORMA as MACHIPC, in six calls",
    at = at("sp1", "norma", "64KiB"), over = at("sp1", "machipc", "64KiB"), min = 0.8, max = 1.25,
    citation = "derived: the same bytes, and each waits for answers, of pages or of calls",
  }
  expectations[2] = {
    kind = "ratio", name = "SP-1, 4000 B: NORMA as MACHIPC", at = at("sp1", "norma", "4000B"),
    over = at("sp1", "machipc", "4000B"), min = 0.8, max = 1.25,
    citation = "derived: the processor moves the same bytes in as many packets",
  }
end
for _, m in ipairs(messages == "MPL" and { "paragon", "sp1" } or { "paragon" }) do
  for _, n in ipairs { "machipc", "norma" } do
    expectations[#expectations + 1] = {
      kind = "ratio", name = m .. ", " .. n .. ": a null call is longer than at home",
      at = at(m, n, "0B"), over = at(m, "local", "0B"), min = 1.5, max = 3,
      citation = "derived: the work of a call at home, and frames on each way",
    }
  end
end

for _, e in ipairs(expectations) do e.measure = "mach_rpc.time.mean" end

return {
  title = "RPC by Mach IPC on two machines",
  doc = "Time of a call by bytes of the request: at home, over MACHIPC and over NORMA.",
  machine = chosen,
  workload = {
    kind = "mach_rpc", server = home and "local" or "remote", size = size,
    rounds = rounds,
  },
  sweep = {
    product = {
      machine = { "paragon", "sp1" },
      net = { "local", "machipc", "norma" },
      ["workload.size"] = sizes,
    },
  },
  measures = { "mach_rpc.time.mean", "mach_rpc.bandwidth.mean", "mach.sent" },
  figure = {
    x = "workload.size", y = "mach_rpc.time.mean", by = { "machine", "net" }, log = "y",
    x_label = "bytes of a request", y_label = "time of a call",
  },
  expectations = expectations,
}
