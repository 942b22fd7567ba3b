-- RPC between tasks of two nodes over two nets of Mach IPC: MACHIPC, over calls and bulk transfer,
-- and NORMA IPC; time of a call and frames, by bytes of the request.
--
--   psim run mach_net
--   psim run mach_net -p network.model=ideal
--
-- Over both a null call is two messages, each answered: four frames.  MACHIPC passes more layers,
-- and is slower while messages are short; NORMA waits for an answer after each page, and MACHIPC
-- sends all frames of a message behind each other.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local net = param("net", "machipc", { "machipc", "norma" })
local size = param("workload.size", "0B")
local rounds = 50

local sizes = { "0B", "1KiB", "4000B", "16KiB", "64KiB" }
local expectations = {
  {
    kind = "range", name = "MACHIPC: four frames a null call", measure = "nic.frames_in",
    at = { net = "machipc", ["workload.size"] = "0B" }, min = 4 * rounds, max = 4 * rounds,
    citation = "derived: the closed form (os/proto/machipc/README.md); all calls are in the window",
  },
}
for _, n in ipairs(sizes) do
  expectations[#expectations + 1] = {
    kind = "ratio", name = n .. ": frames, MACHIPC over NORMA", measure = "nic.frames_in",
    at = { net = "machipc", ["workload.size"] = n },
    over = { net = "norma", ["workload.size"] = n }, min = 0.4, max = 1.2,
    citation = "derived: as many messages, no more answers; frames carry more than pages",
  }
end

return {
  title = "RPC by Mach IPC between nodes",
  doc = "Time of a call to a server of another node and frames, by bytes of the request and net.",
  machine = paragon {
    rows = 1, columns = 2, release = param("release", "R1.4"),
    model = param("network.model", "worm"),
    graph = graphs.mach(net), os = { { service = "mach", over = "ipc" } },
  },
  workload = { kind = "mach_rpc", server = "remote", size = size, rounds = rounds, warmup = 0 },
  sweep = {
    product = {
      net = { "machipc", "norma" },
      ["workload.size"] = sizes,
    },
  },
  measures = { "mach_rpc.time.mean", "mach_rpc.rate.mean", "nic.frames_in" },
  figure = {
    x = "workload.size", y = "mach_rpc.time.mean", by = "net", log = "y",
    x_label = "bytes of a request", y_label = "time of a call",
  },
  expectations = expectations,
}
