-- From how many programs on the coordinator of an I/O mode, the service node, is the limit: its
-- busiest CPU is busy for nine tenths of the time.  64 I/O nodes; `slow`: times every price of the
-- service node.  No answer: it is not the limit up to 1,024.
--
--   psim run pfs_coordinator -j2
--
-- The modes' rates stand in pfs_modes_scale.
local machine, workload = include("parts/pfs_modes.lua")("M_LOG")

-- The programs from which a mode's coordinator is the limit.
local function from(name, mode, size, slow, min, max)
  return { kind = "range", name = name, measure = "saturated_by", min = min, max = max,
           at = { mode = mode, size = size, slow = slow } }
end
-- Its CPU with all 1,024.
local function idle(name, mode, max)
  return { kind = "range", name = name, measure = "cpu.busiest", max = max,
           at = { mode = mode, size = "64KiB", programs = 1024,
                  slow = mode == "M_RECORD" and 10 or 1 },
           citation = "derived: the devices are the limit" }
end

return {
  title = "PFS: programs from which the coordinator is the limit",
  machine = machine,
  workload = workload,
  sweep = {
    product = {
      size = { "8KiB", "64KiB" },
      slow = { 1, 10 },
      mode = { "M_LOG", "M_SYNC", "M_GLOBAL", "M_RECORD" },
    },
    constraint = function(p)
      return p.slow == 10 and p.size == "64KiB" or p.slow == 1 and p.mode ~= "M_RECORD"
    end,
    bisect = {
      path = "programs", low = 4, high = 1024, tolerance = 4, measure = "cpu.busiest", above = 0.9,
    },
  },
  measures = { "cpu.busiest", "pfs.bandwidth" },
  expectations = {
    from("M_LOG, 8 KiB", "M_LOG", "8KiB", 1, 100, 250),
    from("M_SYNC, 8 KiB", "M_SYNC", "8KiB", 1, 600, 1024),
    from("M_LOG, ten times slower", "M_LOG", "64KiB", 10, 8, 32),
    from("M_SYNC, ten times slower", "M_SYNC", "64KiB", 10, 60, 130),
    from("M_GLOBAL, ten times slower", "M_GLOBAL", "64KiB", 10, 70, 150),
    idle("M_LOG, 64 KiB: the devices first", "M_LOG", 0.6),
    idle("M_SYNC, 64 KiB: the devices first", "M_SYNC", 0.6),
    idle("M_RECORD, ten times slower: no coordinator", "M_RECORD", 0.5),
  },
}
