-- What checkpoints write, and how much of the sink they need, for a job that writes so many of its
-- 128 pages of 4 KiB in a step: whole, by increments, by the words that differ, compressed.
--
--   psim figure ckpt_space
--
-- The store of a rank (ckpt.space) has the memory and what the last checkpoint wrote: twice the
-- memory for whole checkpoints, which is the complaint about them; with comparison two and a half
-- times at most.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local services = include "parts/services.lua"

local ways = { "whole", "increments", "words", "compressed", "words, compressed" }
local how = param("how", "whole", ways)
local dirty = param("dirty", 8)

local function bound(name, what, min, max, why)
  return { kind = "ratio", name = name, measure = "ckpt.space", at = what,
           over = { how = "whole", dirty = 8 }, min = min, max = max, citation = why }
end

return {
  title = "Space of checkpoints on the sink",
  doc = "Checkpoints of 8 ranks of 512 KiB in memory, by what is written.",
  machine = paragon {
    rows = 2, columns = 5, graph = graphs.cuts,
    os = services.list(services.nx, services.checkpoints {
      interval = "200ms", policy = "copy", sink = "memory", incremental = how ~= "whole",
      compare = how == "words" or how == "words, compressed",
      compress = how == "compressed" or how == "words, compressed",
    }),
  },
  workload = {
    kind = "job", program = "ring", nodes = 8, memory = "512KiB", steps = 600, dirty = dirty,
    think = "2ms", meet = 10,
  },
  sweep = {
    product = { how = ways,
                dirty = { 1, 8, 32, 120 } },
  },
  measures = { "ckpt.space", "ckpt.page_bytes", "ckpt.saves", "ckpt.pages", "ckpt.diffs",
               "ckpt.kept", "job.time.max" },
  figure = { x = "dirty", y = "ckpt.space", by = "how", log = "x",
             x_label = "pages written in a step", y_label = "store of a rank" },
  expectations = {
    bound("whole: the same whatever is written", { how = "whole", dirty = 120 }, 0.99, 1.01,
          "derived: twice the memory"),
    bound("increments of a page", { how = "increments", dirty = 1 }, 0.5, 1,
          "derived: the memory, and what was dirty"),
    bound("increments of all", { how = "increments", dirty = 120 }, 0.9, 1.01,
          "derived: twice the memory at most"),
    bound("words", { how = "words", dirty = 120 }, nil, 1.25,
          "derived: two and a half times the memory at most"),
    bound("compressed", { how = "compressed", dirty = 8 }, nil, 0.5,
          "derived: a page of this job has a word of 512 bytes"),
  },
}
