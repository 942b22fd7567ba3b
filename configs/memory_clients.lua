-- Many programs that exceed their memory: paging to one disk, to one memory server, to four, and to
-- memory that all nodes lend.  Each has twice its memory in data and goes to pages at random.
local paragon = include "machines/paragon.lua"
local ipsc860 = include "machines/ipsc860.lua"
local services = include "parts/services.lua"

local backing = param("backing", "1 server")
local kinds = {
  disk = { "io" }, ["1 server"] = { "servers", 1 }, ["4 servers"] = { "servers", 4 },
  lent = { "lent", lent = 1024 },
}
local chosen = kinds[backing]
  or error("backing '" .. backing .. "' is not disk, 1 server, 4 servers or lent")
local preset = param("preset", "ipsc860", { "ipsc860", "paragon" }) -- or "paragon"
local os = services.list(services.nx, services.memory { frames = 0, disk_pages = 65536 },
  chosen.lent and services.lent(chosen.lent) or {})
local machine = preset == "paragon"
  and paragon {
    rows = 8, columns = 8, io_nodes = 1, release = param("release", "R1.4"),
    storage = include "disks/paragon_raid3.lua", os = os,
  }
  or ipsc860 { dimension = 6, io_nodes = 1, storage = include "disks/hp_97560.lua", os = os }

local function ratio(name, at, over, min, max)
  return { kind = "ratio", name = name, at = at, over = over, min = min, max = max }
end

local function case(what, clients)
  return { backing = what, ["workload.clients"] = clients }
end

return {
  title = "Paging of many programs: a disk, memory servers, idle memory (" .. preset .. ")",
  doc = "A disk's time grows with the programs, a server's once its channel is busy.",
  machine = machine,
  workload = {
    kind = "memory", pattern = "random", accesses = 200, sweeps = 1, size = "2MiB",
    clients = param("workload.clients", 1),
    backing = chosen[1], servers = chosen[2] or 0, server = { frames = 32768 },
    memory = { page = "4KiB", frames = 256, replacement = "lru" },
  },
  sweep = {
    product = {
      backing = { "disk", "1 server", "4 servers", "lent" },
      ["workload.clients"] = { 1, 2, 4, 8, 16, 32 },
    },
  },
  measures = { "memory.time.mean", "memory.fault_time.mean", "memory.page_ins.mean" },
  figure = {
    x = "workload.clients", y = "memory.time.mean", by = "backing", log = "xy",
    x_label = "programs", y_label = "run time",
    expectations = {
      ratio("one arm: 32 programs wait in its queue", case("disk", 32),
        case("disk", 1), 21, 30),
      ratio("one server: its channel or CPU is the limit of 32 programs", case("1 server", 32),
        case("1 server", 1), 4, 5.5),
      ratio("four servers: 32 programs at least twice as fast", case("1 server", 32),
        case("4 servers", 32), 2, 2.7),
      ratio("memory that all lend: 32 programs wait little", case("lent", 32),
        case("lent", 1), 1.35, 1.9),
    },
  },
}
