-- A page that two nodes change in turn: OSF/1 AD's manager, through which it passes, and dynamic.
-- With the software of R1.4 (scale 1), and with the wires alone (scale 0).
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local CITE = "derived: a page that goes through the manager crosses the network twice"

local function case(manager, page, scale)
  return { ["workload.svm.manager"] = manager, ["workload.memory.page"] = page, scale = scale }
end

-- xmm against dynamic at one page size.
local function xmm(name, measure, page, scale, min, max)
  return {
    kind = "ratio", name = name .. ", pages of " .. page, measure = measure,
    at = case("xmm", page, scale), over = case("dynamic", page, scale),
    min = min, max = max, citation = CITE,
  }
end

return {
  title = "Shared virtual memory: a page that two nodes change in turn",
  doc = "The nodes are not the manager.  The time of one change: a read fault and a write fault.",
  machine = paragon {
    rows = 2, columns = 2,
    release = param("release", "R1.4"), scale = param("scale", 1),
    graph = graphs.svm,
  },
  workload = {
    kind = "svm_pattern", pattern = "pingpong", rounds = 10, pages = 1, nodes = 4, think = "0s",
    svm = { manager = "dynamic" }, memory = { page = "4KiB" },
  },
  sweep = {
    product = {
      ["workload.svm.manager"] = { "dynamic", "improved", "xmm" },
      ["workload.memory.page"] = { "1KiB", "4KiB", "16KiB", "64KiB", "256KiB" },
      scale = { 1, 0 },
    },
  },
  measures = { "svm.write_time.mean", "svm.pages.mean", "svm.messages.mean" },
  figure = {
    x = "workload.memory.page", y = "svm.write_time.mean", by = "workload.svm.manager",
    where = { scale = 1 }, log = "xy",
    x_label = "page", y_label = "time of a change",
    expectations = {
      xmm("twice the pages cross", "svm.pages.mean", "4KiB", 1, 1.9, 2.1),
      xmm("wires alone: slower", "svm.write_time.mean", "4KiB", 0, 1.5, 2.5),
      xmm("wires alone: slower", "svm.write_time.mean", "256KiB", 0, 1.5, 2.5),
      xmm("slower", "svm.write_time.mean", "256KiB", 1, 1.5, 2.5),
      -- The fault's own software hides the second crossing of a small page.
      xmm("slower", "svm.write_time.mean", "4KiB", 1, 1, 2.5),
    },
  },
}
