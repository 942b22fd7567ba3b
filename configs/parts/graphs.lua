-- Protocol graphs that many configurations use; a machine preset has one of its own for messages
-- and files.
--
--   local graphs = include "parts/graphs.lua"
--   machine = paragon { ..., graph = graphs.svm }
return {
  -- Shared memory straight over the driver.
  svm = {
    { name = "mesh", protocol = "mesh" },
    { name = "rdm", protocol = "rdm", below = { "mesh" } },
    { name = "svm", protocol = "svm", below = { "rdm" } },
    { name = "sync", protocol = "sync", below = { "rdm" } },
  },
  -- The same, and calls: for paging to other nodes.
  svm_paging = {
    { name = "mesh", protocol = "mesh" },
    { name = "rdm", protocol = "rdm", below = { "mesh" } },
    { name = "svm", protocol = "svm", below = { "rdm" } },
    { name = "sync", protocol = "sync", below = { "rdm" } },
    { name = "blast", protocol = "blast", below = { "mesh" } },
    { name = "chan", protocol = "chan", below = { "blast" } },
    { name = "rpc", protocol = "select", below = { "chan" } },
  },
}
