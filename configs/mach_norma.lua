-- RPC between tasks of two nodes by NORMA IPC, beside the same on one node: time of a null call,
-- and how fast data in line goes, by size of the request.
--
--   psim run mach_norma
--   psim run mach_norma -p network.model=ideal -p over.page=1KiB
--
-- A message is a packet of at most a page, which is acknowledged before the next leaves: beyond a
-- page the rate is that of a page and its answer, however long the message.  A local call copies
-- each byte twice and crosses no network.
local paragon = include "machines/paragon.lua"

local server = param("workload.server", "local", { "local", "remote" })
local size = param("workload.size", "0B")
local page = param("over.page", "4KiB")
local clients = param("workload.clients", 1)

local machine = paragon {
  rows = 1, columns = 2, release = param("release", "R1.4"),
  model = param("network.model", "worm"),
  graph = {
    { name = "mesh", protocol = "driver" },
    { name = "rdm", protocol = "rdm", below = { "mesh" } },
    { name = "nx", protocol = "nx", below = { "rdm" } },
    { name = "norma", protocol = "norma", below = { "mesh" }, page = page },
  },
  os = { { service = "mach", over = "norma" } },
}
-- A frame holds a page and its headers, as NORMA had its interfaces move them.
machine.nic.mtu, machine.nic.packet_bytes = "4200B", "4200B"

local expectations = {}
-- Of the request; the reply is one packet.
for _, frames in ipairs {
  { size = "0B", packets = 1 }, { size = "1KiB", packets = 1 }, { size = "16KiB", packets = 5 },
} do
  if page == "4KiB" and clients == 1 then
    expectations[#expectations + 1] = {
      kind = "range", name = frames.size .. ": packets of a call, with their answers",
      measure = "norma.pages", min = 50 * (frames.packets - 1), max = 54 * (frames.packets - 1),
      at = { ["workload.size"] = frames.size, ["workload.server"] = "remote" },
      citation = "derived: pages of 4 KiB, the first with the header [kernel/norma/ipc_output.c]",
    }
  end
end

return {
  title = "RPC by NORMA IPC",
  doc = "Time of a call to a server of the same node and of another, by bytes of the request.",
  machine = machine,
  workload = { kind = "mach_rpc", server = server, size = size, clients = clients, rounds = 50 },
  sweep = {
    product = {
      ["workload.server"] = { "local", "remote" },
      ["workload.size"] = { "0B", "1KiB", "4000B", "16KiB", "64KiB" },
    },
  },
  measures = {
    "mach_rpc.time.mean", "mach_rpc.rate.mean", "norma.kmsgs", "norma.pages", "norma.controls",
  },
  expectations = expectations,
}
