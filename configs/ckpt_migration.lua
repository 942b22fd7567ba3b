-- What it costs to move a rank while its job runs, and to swap a whole job out and the next one in,
-- by the memory of each of eight ranks: a checkpoint after which no program goes on, and all load
-- it, or the other job, again.
--
--   psim figure ckpt_migration
--   psim run ckpt_migration -p memory=256KiB -p what=all -p sink=file    another shape
--
-- The time is a + memory / rate.  To files the rate is that of the disks: the bytes of all ranks
-- are written and, for the buffers of the I/O nodes are small, read again.  To the memory of
-- neighbours it is that of the processors, which copy and sum each byte several times.  Below 256
-- KiB a file has not a stripe unit on each of the four I/O nodes yet, and each further one that it
-- reaches has an inode to write: a sweep that begins at 64 KiB and ends at 1 MiB is off by 10 %.
-- Two jobs of 16 MiB a rank do not fit in the host's 2 GiB: their bytes are real.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local graphs = include "parts/graphs.lua"

local moves = {
  move = { { at = "100ms", rank = 3, to = "spare" } },
  all = { { at = "100ms", to = "columns" } },
  swap = {},
}
local what, sink = param("what", "move", moves), param("sink", "memory")

local expectations = {
  { kind = "ratio", name = "the same memory after a move", measure = "job.memory.mean",
    at = { what = "move", sink = "memory", memory = "1MiB" },
    over = { what = "move", sink = "file", memory = "1MiB" }, min = 1, max = 1,
    citation = "derived: it says nothing of where a rank was saved" },
}
for _, way in ipairs { "move", "swap" } do
  for _, to in ipairs { "memory", "file" } do
    expectations[#expectations + 1] = {
      kind = "linear", name = way .. " through " .. to, measure = "ckpt.move.mean",
      x = "memory", of = { what = way, sink = to }, ["until"] = 16 * 1024 * 1024,
      within = 0.1, citation = "derived: a + memory / rate of the slowest resource",
    }
  end
end

return {
  title = "Cost of moving a rank and of swapping a job, by memory",
  doc = "Eight ranks are saved, and go on elsewhere or give way to another job.",
  machine = paragon {
    rows = 4, columns = 4, io_nodes = 4, storage = { kind = "raid3" }, detector_delay = "10ms",
    graph = graphs.cuts,
    os = services.list(services.nx, services.pfs, services.checkpoints {
      interval = "0s", policy = "stop", retry = "20ms", sink = sink, spares = 3,
      moves = moves[what], jobs = what == "swap" and 2 or 1, quantum = "100ms",
    }),
  },
  workload = {
    kind = "job", program = "ring", nodes = 8, memory = param("memory", "1MiB"), steps = 15,
    dirty = 4, think = "10ms", meet = 10,
  },
  sweep = { product = {
    what = { "move", "swap" }, sink = { "memory", "file" },
    memory = { "64KiB", "256KiB", "1MiB", "4MiB", "16MiB" },
  },
    constraint = function(p) return p.what ~= "swap" or p.memory ~= "16MiB" end,
  },
  measures = { "ckpt.move.mean", "job.memory.mean", "ckpt.moves", "ckpt.swaps",
               "ckpt.page_bytes" },
  figure = { x = "memory", y = "ckpt.move.mean", by = { "what", "sink" }, log = "xy",
             x_label = "memory of a rank", y_label = "time until all go on" },
  expectations = expectations,
}
