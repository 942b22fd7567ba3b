-- A node dies while programs write a shared file of Vesta, in each mode: what each call says, and
-- when.
--
--   psim run vesta_deaths -p dies=io -j2                -- an I/O node in the token's way, for good
--   psim run vesta_deaths -p dies=io -p back=50ms -j2   -- the same, soon back
--   psim run vesta_deaths -p dies=home -j2              -- the home of the file's object
--   psim run vesta_deaths -p dies=program -j2           -- a program's node
--
-- Every write reaches all four I/O nodes, so at any moment some token is at the node that dies or
-- on its way there.  A program whose write needs the dead node is told "server down", by the
-- failure detector (a second) or by what the node's next life sends; tokens of others go around it.
-- Nobody waits for ever: a run where somebody did would be a deadlock.
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local node = { none = false, io = "node 11", home = "node 7", program = "node 2" }
local dies = param("dies", "none", node)
local at, back = param("at", "85ms"), param("back", "none")
back = back ~= "none" and back or nil

return {
  title = "Deaths under Vesta",
  machine = paragon {
    rows = 3, columns = 4, io_nodes = 4, storage = { kind = "raid3" }, os = services.vesta,
    faults = node[dies] and { { path = node[dies], at = at, after = back } },
  },
  workload = {
    kind = "io", system = "vesta", op = "write", mode = param("workload.mode", "independent"),
    nodes = 4, size = "256KiB", requests = 8, warmup = 1,
  },
  sweep = { product = { ["workload.mode"] = { "independent", "shared", "reckless" } } },
  measures = { "file.bandwidth", "file.latency.mean", "file.latency.max", "machine.crashes" },
}
