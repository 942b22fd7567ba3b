-- The I/O modes to 1,024 programs and 64 I/O nodes: which of them need the coordinator, the service
-- node.  `slow`: times every price of the service node; what needs it falls.  From how many
-- programs on it is the limit: pfs_coordinator.
--
--   psim figure pfs_modes_scale -j2
local machine, workload = include("parts/pfs_modes.lua")("M_ASYNC")

local function at(mode, programs, slow)
  return { mode = mode, programs = programs, slow = slow }
end
-- The rate when the service node is ten times slower over that when it is not.
local function slowed(mode, programs, min, max)
  return {
    kind = "ratio", name = mode .. ", " .. programs .. ": the service node ten times slower",
    at = at(mode, programs, 10), over = at(mode, programs, 1), min = min, max = max,
    citation = "proposal 5.1: three modes require a centralized coordinator",
  }
end

return {
  title = "PFS: read bandwidth to 1,024 programs, by I/O mode and speed of the service node",
  machine = machine,
  workload = workload,
  sweep = {
    product = {
      mode = { "M_UNIX", "M_LOG", "M_SYNC", "M_RECORD", "M_GLOBAL", "M_ASYNC" },
      programs = { 64, 256, 1024 },
      slow = { 1, 10 },
    },
  },
  measures = { "pfs.bandwidth", "pfs.latency", "cpu.busiest", "arm.busiest", "bus.busiest" },
  figure = {
    x = "programs", y = "pfs.bandwidth", by = "mode", where = { slow = 1 }, log = "xy",
    title = "PFS: read bandwidth to 1,024 programs, by I/O mode",
    x_label = "programs", y_label = "read bandwidth of all",
    expectations = {
      slowed("M_LOG", 256, nil, 0.5),
      slowed("M_LOG", 1024, nil, 0.5),
      slowed("M_SYNC", 1024, nil, 0.5),
      slowed("M_GLOBAL", 1024, nil, 0.5),
      slowed("M_RECORD", 256, 0.95, 1.05),
      slowed("M_RECORD", 1024, 0.85, 1.15),
      slowed("M_ASYNC", 256, 0.85, 1.15),
      slowed("M_ASYNC", 1024, 0.85, 1.15),
      slowed("M_UNIX", 1024, 0.95, 1.05),
      {
        kind = "ratio", name = "1,024: what devices read in M_SYNC over M_GLOBAL",
        measure = "raid3.sectors_read", at = at("M_SYNC", 1024, 1), over = at("M_GLOBAL", 1024, 1),
        equals = 1024, within = 0,
        citation = "proposal 5.1: a single compute node reads the file and distributes it",
      },
      { kind = "ratio", name = "M_RECORD: 1,024 programs over 64: flat",
        at = at("M_RECORD", 1024, 1), over = at("M_RECORD", 64, 1), min = 0.9, max = 1.15,
        citation = "derived: 64 programs keep 64 I/O nodes busy" },
      {
        kind = "ratio", name = "M_UNIX, which one request holds at a time, under M_ASYNC",
        at = at("M_ASYNC", 1024, 1), over = at("M_UNIX", 1024, 1), min = 32,
        citation = "derived: 64 I/O nodes against one",
      },
    },
  },
}
