-- A page that two nodes change in turn: OSF/1 AD's manager, through which it passes, and dynamic.
local paragon = include "machines/paragon.lua"

local CITE = "derived: a page that goes through the manager crosses the network twice"

-- xmm against dynamic at one page size.
local function xmm(name, measure, page, min, max)
  return {
    kind = "ratio", name = name .. ", pages of " .. page, measure = measure,
    at = { ["workload.svm.manager"] = "xmm", ["workload.memory.page"] = page },
    over = { ["workload.svm.manager"] = "dynamic", ["workload.memory.page"] = page },
    min = min, max = max, citation = CITE,
  }
end

return {
  title = "Shared virtual memory: a page that two nodes change in turn",
  doc = "The nodes are not the manager.  The time of one change: a read fault and a write fault.",
  machine = paragon {
    rows = 2, columns = 2,
    release = param("release", "R1.4"),
    graph = {
      { name = "mesh", protocol = "mesh" },
      { name = "svm", protocol = "svm", below = { "mesh" } },
      { name = "sync", protocol = "sync", below = { "mesh" } },
    },
  },
  workload = {
    kind = "svm_pattern", pattern = "pingpong", rounds = 10, pages = 1, nodes = 4, think = "0s",
    svm = { manager = "dynamic" }, memory = { page = "4KiB" },
  },
  sweep = {
    product = {
      ["workload.svm.manager"] = { "dynamic", "improved", "xmm" },
      ["workload.memory.page"] = { "1KiB", "4KiB", "16KiB", "64KiB", "256KiB" },
    },
  },
  measures = { "svm.write_time.mean", "svm.pages.mean", "svm.messages.mean" },
  figure = {
    x = "workload.memory.page", y = "svm.write_time.mean", by = "workload.svm.manager", log = "xy",
    x_label = "page", y_label = "time of a change",
    expectations = {
      xmm("twice the pages cross", "svm.pages.mean", "4KiB", 1.9, 2.1),
      xmm("slower", "svm.write_time.mean", "4KiB", 1, 2.5),
      xmm("slower", "svm.write_time.mean", "256KiB", 1.5, 2.5),
    },
  },
}
