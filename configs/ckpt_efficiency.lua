-- A job under failures: the share of its time that is useful, against the interval of its
-- checkpoints, beside the formulas of Young [CACM 17(9), 1974] and Daly [FGCS 22, 2006].
--
--   psim figure ckpt_efficiency
--
-- Four ranks compute in steps, and are saved to the PFS after each 1, 2, 4, 8 or 16 of them: a
-- third of Daly's optimum to five times of it where a failure comes every 28 steps.  Nodes crash
-- in turn, and come back after 500 ms; the times between failures are the quantiles of the
-- exponential distribution in an order drawn once, the same for all intervals, so that a few
-- failures stand for many.  Each run has about as long as they last: 150 failures in eight and a
-- half hours.  The optimum rises as the square root of the time between failures: a machine of a
-- fourth of the nodes fails every 112 steps (`-p mtbf=112`), and is best saved every 6.
--
-- Inputs of the formulas, measured here: a program is stopped for 1.16 s by a checkpoint, and goes
-- on 1.9 s after a crash.  Programs go on before the checkpoint counts (its commit takes a few
-- tenths of a second more), which the formulas do not know: a checkpoint that is long beside that
-- keeps it small.  Software is five times slower than R1.4, so that 2 MiB take long.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local graphs = include "parts/graphs.lua"

local k = param("k", 4)              -- steps from a checkpoint to the next
local mtbf = param("mtbf", 28)       -- of the machine, in steps; 0: no failures
local failures = param("failures", 150)

local step <const> = 7.25            -- s
local delta <const> = 1.16           -- s: a program is stopped by a checkpoint
local R <const> = 1.9                -- s: from a crash to where the program goes on
local ks <const> = { 1, 2, 4, 8, 16 }

-- Seconds of a job for each second of computation, tau of it from a checkpoint to the next.
local function daly(tau, M)
  return M * math.exp(R / M) * (math.exp((tau + delta) / M) - 1) / tau
end
-- Young: a checkpoint each tau, and half of tau lost, and a restart, each M.
local function young(tau, M)
  return 1 / (1 - delta / (tau + delta) - (tau / 2 + delta + R) / M)
end

local function us(s) return string.format("%.0fus", s * 1e6) end

local faults, horizon = {}, 0
if mtbf > 0 then
  local gaps, x = {}, 20061
  for i = 1, failures do gaps[i] = -math.log(1 - (i - 0.5) / failures) * mtbf * step end
  for i = failures, 2, -1 do
    x = (x * 1103515245 + 12345) % 2147483648
    local j = 1 + x // 65536 % i
    gaps[i], gaps[j] = gaps[j], gaps[i]
  end
  local nodes = { 0, 1, 4, 5 }       -- of the ranks
  for i = 1, failures do
    horizon = horizon + gaps[i]
    faults[i] = { path = "node " .. nodes[1 + i % 4], at = us(horizon), after = "500ms" }
  end
end
local steps = mtbf > 0 and math.floor(horizon / daly(k * step, mtbf * step) / step) or 40 * k

local published, expectations = {
  { name = "Daly 2006", of = 28, points = {}, confidence = "high",
    citation = "J. T. Daly, FGCS 22, 2006: complete expected time" },
  { name = "Young 1974", of = 28, points = {}, confidence = "high",
    citation = "J. Young, CACM 17(9), 1974" },
}, {}
for _, n in ipairs(ks) do
  local tau, M = n * step, 28 * step
  local e = 1 / daly(tau, M)
  table.insert(published[1].points, { n, e })
  table.insert(published[2].points, { n, 1 / young(tau, M) })
  expectations[#expectations + 1] = {
    measure = "job.efficiency.mean", at = { k = n, mtbf = 28 }, min = e - 0.01, max = e + 0.01,
    citation = "J. T. Daly, FGCS 22, 2006: complete expected time, exponential failures",
  }
end

return {
  title = "Useful share of a job's time under failures",
  doc = "A job that is saved each so many steps, while nodes crash and come back.",
  machine = paragon {
    rows = 2, columns = 4, io_nodes = 2, scale = 5, storage = { kind = "raid3" },
    faults = faults, detector_delay = "1ms", graph = graphs.cuts,
    os = services.list(services.nx, services.pfs, services.checkpoints {
      interval = us((k - 0.7) * step), -- and the step that is under way then
      policy = "stop", retry = "5ms", limit = "1h", patience = "1h",
    }),
  },
  workload = {
    kind = "job", program = "ring", nodes = 4, memory = "2MiB", steps = steps, dirty = 1,
    think = us(step), slice = us(step / 50), account = true, meet = 1000000,
  },
  sweep = { product = { k = ks, mtbf = { 28 } } },
  measures = { "job.efficiency.mean", "job.time.max", "job.useful.mean", "job.lost.mean",
               "job.stopped.mean", "job.away.mean", "job.rest.mean", "job.work.count",
               "ckpt.stop.mean", "ckpt.committed", "ckpt.restarts", "customers" },
  figure = { x = "k", y = "job.efficiency.mean", by = "mtbf", log = "x", published = published,
             x_label = "steps from a checkpoint to the next", y_label = "useful share of time" },
  expectations = expectations,
}
