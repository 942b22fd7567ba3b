-- A job whose memory is twice what its nodes have: pages go to a disk of each node, or to memory
-- servers.  It is saved while it runs, pages that are out as well; nodes crash, what their pagers
-- had is lost with them, and the job goes on: its final memory is that of a run in which all pages
-- have frames and nothing happens.
--
--   psim run ckpt_paging
--   psim run ckpt_paging -p sink=servers   checkpoints at the memory servers, too
--
-- Pages that are out and have not changed since the last checkpoint are not fetched.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local graphs = include "parts/graphs.lua"

local backing = param("backing", "none", { "none", "swap", "servers" })
local crashes = param("crashes", 0)

-- Two at once, and none that keeps the other's checkpoint.
local first, then_ = "1200ms", "2400ms"
if backing == "swap" then first, then_ = "4s", "9s" end
local schedule = {
  { path = "node 7", at = first }, { path = "node 0", at = then_ },
  { path = "node 12", at = then_ },
}
local faults = {}
for k = 1, crashes do
  local f = schedule[k]
  faults[k] = { path = f.path, at = f.at, after = "50ms" }
end

local expectations = {}
for _, to in ipairs { "none", "swap", "servers" } do
  for _, n in ipairs { 0, 3 } do
    expectations[#expectations + 1] = {
      kind = "ratio", name = to .. ", " .. n .. " crashes: the same memory",
      measure = "job.memory.mean", at = { backing = to, crashes = n },
      over = { backing = "none", crashes = 0 }, min = 1, max = 1,
      citation = "derived: paging and restarts change no byte",
    }
  end
end
expectations[#expectations + 1] = {
  kind = "range", name = "over disks the half is fetched that is out at the first checkpoint",
  measure = "ckpt.fetched", at = { backing = "swap", crashes = 0 },
  min = 16 * 64, max = 16 * 64 * 1.3,
  citation = "derived: 16 ranks x 64 pages; what has changed later is mostly still in memory",
}

return {
  title = "Checkpoints of a job that pages",
  doc = "16 ranks of 512 KiB with 64 frames of 4 KiB each; crashes of three nodes.",
  machine = paragon {
    rows = 5, columns = 5, io_nodes = 2, storage = { kind = "raid3" }, faults = faults,
    detector_delay = "10ms", graph = graphs.cuts,
    nodes = { compute = { storage = { kind = "disk" } }, memory = { last = 2 } },
    os = services.list(services.nx, services.pfs,
      services.memory { on = "memory", frames = 16384, disk_pages = 0 },
      services.checkpoints {
        interval = "500ms", policy = "cll", incremental = true, retry = "20ms",
        sink = param("sink", "memory"), algorithm = param("algorithm", "sns"),
      }),
  },
  workload = {
    kind = "job", program = "random", nodes = 16, memory = "512KiB", steps = 200, dirty = 4,
    think = "10ms", page = { frames = backing == "none" and 0 or 64 },
    swap = backing == "swap",
    paging = { backing = backing == "servers" and "servers" or "none" },
  },
  sweep = { product = { backing = { "none", "swap", "servers" }, crashes = { 0, 3 } } },
  measures = { "job.time.max", "job.memory.mean", "ckpt.stop.max", "ckpt.restarts",
               "ckpt.committed", "ckpt.pages", "ckpt.fetched" },
  expectations = expectations,
}
