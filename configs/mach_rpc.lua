-- RPC between tasks of one node by Mach IPC: time of a call and rate, by size and clients.
--
--   psim run mach_rpc
--   psim run mach_rpc -p workload.reply=8KiB -p release=early
--
-- A client's call is one mach_msg, the server's reply and next receive another.  With one client
-- the time must be the formula's, to the picosecond: the work that the code names, at the machine's
-- prices.  With more the processor is the bound: clients wait in its queue, and a server that finds
-- a request when it asks needs no switch.
local paragon = include "machines/paragon.lua"
local formula = include "parts/formula.lua"

local size = param("workload.size", "0B")
local reply = param("workload.reply", "0B")
local clients = param("workload.clients", 1)
local scale = param("machine.prices.scale", 1)
local machine = paragon {
  rows = 1, columns = param("machine.columns", 1), release = param("release", "R1.4"),
  scale = scale, os = { { service = "mach" } },
}

-- ---- the formula, in picoseconds ----
local cost, bytes = formula.costs(machine, scale), formula.bytes

-- A message in the kernel: the header, and an item of whole words.
local function message(n)
  return 24 + (n > 0 and 4 + (n + 3) // 4 * 4 or 0)
end
-- Names: the client's send checks and takes destination and reply, its receive looks for its port
-- and at the reply right; the server's send checks and takes the destination, its receive as the
-- client's.
local function call(n)
  return 2 * cost("trap", 1) + 10 * cost("lookup", 1) + 2 * cost("switch", 1)
       + 2 * cost("copy", message(bytes(n))) + 2 * cost("copy", message(bytes(reply)))
end

-- The server of several clients switches once for a request of each.
local function rate(n, many)
  return 1e12 / (call(n) - cost("switch", 1) * (1 - 1 / many))
end
local sizes, counts = { "0B", "128B", "1KiB", "8KiB", "64KiB" }, { 1, 2, 4, 8, 16 }
local expectations = {}
for _, n in ipairs(sizes) do
  expectations[#expectations + 1] = {
    kind = "range", name = n .. ": the formula's time", measure = "difference.mean",
    min = 0, max = 0,
    at = { ["workload.size"] = n, ["workload.clients"] = 1 },
    citation = "derived: the closed form, to the picosecond",
  }
  for _, many in ipairs(counts) do
    expectations[#expectations + 1] = {
      kind = "range", name = n .. ", clients " .. many .. ": the processor's rate",
      measure = "mach_rpc.rate.mean", min = 0.99 * rate(n, many), max = 1.01 * rate(n, many),
      at = { ["workload.size"] = n, ["workload.clients"] = many },
      citation = "derived: the work of a call, one switch of the server for a round of clients",
    }
  end
end

return {
  title = "RPC between tasks of a node by Mach IPC",
  doc = "Time of a call and rate, by bytes of the request and number of clients.",
  machine = machine,
  workload = {
    kind = "mach_rpc", size = size, reply = reply, clients = clients, rounds = 50,
    formula = clients == 1 and call(size) .. "ps" or 0,
  },
  sweep = {
    product = {
      ["workload.size"] = sizes,
      ["workload.clients"] = counts,
    },
  },
  measures = { "mach_rpc.time.mean", "mach_rpc.rate.mean", "difference.mean", "mach.full" },
  expectations = expectations,
}
