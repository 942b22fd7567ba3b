-- How long a program stands still for a checkpoint, and what the whole checkpoint costs it, by save
-- policy and by how many pages each step writes [Li, Naughton & Plank, PPoPP 1990; Plank & Li, TPDS
-- 1994]: stop and write, copy in main memory, copy on write, concurrent with low latency.
--
--   psim figure ckpt_policies
--
-- Eight ranks of 128 pages pass messages around a ring, and are saved to the PFS every 200 ms while
-- they run.  The time of the job beside that without checkpoints is the overhead; a policy that is
-- faster takes more of them.  With a pool of fewer pages (-p pool=16) `cll` stops for the disks,
-- too, for a program that writes many pages: it is concurrent as long as the pool has room.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local graphs = include "parts/graphs.lua"

local policy = param("policy", "stop")
local interval = policy == "none" and "0s" or "200ms"

local policies = { "none", "stop", "copy", "cow", "cll" }
local fractions = { 1, 8, 32, 120 }

local expectations = {}
local function much_longer(a, b, measure, bounds, why)
  for _, dirty in ipairs(fractions) do
    expectations[#expectations + 1] = {
      kind = "ratio", name = a .. " over " .. b .. ", " .. dirty .. " pages a step",
      measure = measure, at = { policy = a, dirty = dirty }, over = { policy = b, dirty = dirty },
      min = bounds[1], max = bounds[2], citation = why,
    }
  end
end
much_longer("stop", "copy", "ckpt.stop.max", { 5 },
            "derived: what is written to disks against what is copied in memory")
much_longer("copy", "cow", "ckpt.stop.max", { 1.2 },
            "derived: each page is copied against each is protected; both wait for all ranks")
much_longer("cll", "cow", "ckpt.stop.max", { 0.5, 2 },
            "derived: both stop to protect pages, and a first write copies one")
much_longer("stop", "none", "job.time.max", { 1.02 },
            "derived: the program waits for the disks")
much_longer("stop", "cll", "job.time.max", { 1.01 },
            "derived: what others write while the program computes, stop writes while it waits")

return {
  title = "Longest stop for a checkpoint, by policy and pages written in a step",
  doc = "One checkpoint of 8 ranks of 512 KiB to the PFS.",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 4, release = "R1.4", storage = { kind = "raid3" },
    graph = graphs.cuts,
    os = services.list(services.nx, services.pfs, services.checkpoints {
      interval = interval, policy = policy == "none" and "stop" or policy,
      pool = param("pool", 128), algorithm = param("algorithm", "sns"),
    }),
  },
  workload = {
    kind = "job", program = "ring", nodes = 8, memory = "512KiB", steps = 800,
    dirty = param("dirty", 8), think = "1ms", meet = 10,
  },
  sweep = { product = { policy = policies, dirty = fractions } },
  measures = { "ckpt.stop.max", "job.time.max", "ckpt.page_bytes", "ckpt.faults",
               "ckpt.copied_bytes", "ckpt.stalls" },
  figure = { x = "dirty", y = "ckpt.stop.max", by = "policy", log = "xy",
             x_label = "pages written in a step", y_label = "longest stop" },
  expectations = expectations,
}
