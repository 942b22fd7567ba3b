-- A node dies while programs write a shared file, in each I/O mode: what each call says, and when.
--
--   psim run pfs_deaths -p dies=io -j2                -- an I/O node, back after 50 ms
--   psim run pfs_deaths -p dies=service -j2           -- the service node
--   psim run pfs_deaths -p dies=program -p back=none  -- a program's node, for good
--   psim run pfs_deaths -p dies=io -p transport=tcp   -- where calls go over TCP
--
-- A program that is told so ends; the sentence under the table is the first of a run.  The death
-- is noticed by the failure detector, a second later, or by what the node's next life sends: the
-- write in a call then says "server down", and may be done or not.  Who needs the service node, its
-- tokens and shared pointers, is told that it is down, or has restarted since; M_ASYNC and M_RECORD
-- go on within the size that files have.  Collective calls with a dead program end with "node down"
-- on all nodes.  Nobody waits for ever: a run where somebody did would be a deadlock.
local paragon = include "machines/paragon.lua"
local node = { none = false, io = "node 3", service = "node 2", program = "node 1" }
local dies = param("dies", "none", node)
local at, back = param("at", "300ms"), param("back", "50ms")
back = back ~= "none" and back or nil

return {
  title = "Deaths under PFS",
  machine = paragon {
    rows = 2, columns = 4, io_nodes = 2, storage = { kind = "raid3" },
    transport = param("transport", "rdm", { "rdm", "ulp", "tcp" }),
    faults = node[dies] and { { path = node[dies], at = at, after = back } },
  },
  workload = {
    kind = "pfs", op = "write", mode = param("workload.mode", "M_UNIX"), nodes = 4,
    size = "256KiB", requests = 8, warmup = 1,
  },
  sweep = {
    product = {
      ["workload.mode"] = { "M_UNIX", "M_LOG", "M_SYNC", "M_RECORD", "M_GLOBAL", "M_ASYNC" },
    },
  },
  measures = { "pfs.bandwidth", "pfs.latency.mean", "pfs.latency.max", "machine.crashes" },
}
