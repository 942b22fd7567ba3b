-- Protocol graphs that many configurations and machine presets use.
--
--   local graphs = include "parts/graphs.lua"
--   machine = paragon { ..., graph = graphs.svm }
--
-- Messages and files, as machine presets have them.
local machine = {
  { name = "mesh", protocol = "driver" },
  { name = "rdm", protocol = "rdm", below = { "mesh" } },
  { name = "nx", protocol = "nx", below = { "rdm" } },
  { name = "blast", protocol = "blast", below = { "mesh" } },
  { name = "chan", protocol = "chan", below = { "blast" } },
  { name = "rpc", protocol = "select", below = { "chan" } },
}

-- A graph with RDM and BLAST ("rdm", as it is), or with one ULP in the place of both ("ulp"): calls
-- are messages then, too.  Consistent cuts stand on RDM alone.
local function over(transport, graph)
  if transport == "rdm" then return graph end
  if transport ~= "ulp" then
    error("transport '" .. tostring(transport) .. "' is not rdm or ulp", 2)
  end
  local all, stands = {}, false
  for _, instance in ipairs(graph) do
    local new = {}
    for key, value in pairs(instance) do new[key] = value end
    if instance.below then
      new.below = {}
      for k, name in ipairs(instance.below) do
        new.below[k] = (name == "rdm" or name == "blast") and "ulp" or name
      end
    end
    if instance.protocol == "rdm" or instance.protocol == "blast" then
      if not stands then
        all[#all + 1] = { name = "ulp", protocol = "ulp", below = new.below }
      end
      stands = true
    else
      all[#all + 1] = new
    end
  end
  return all
end

-- That graph and consistent cuts of its messages, by markers in the network's channels, too.
local function with_cuts(graph)
  local all = {}
  for k, instance in ipairs(graph) do all[k] = instance end
  all[#all + 1] = { name = "cut", protocol = "cut", below = { "rdm", "mesh" } }
  return all
end

local function with_svm(graph)
  local all = {}
  for k, instance in ipairs(graph) do all[k] = instance end
  all[#all + 1] = { name = "svm", protocol = "svm", below = { "rdm" } }
  all[#all + 1] = { name = "sync", protocol = "sync", below = { "rdm" } }
  return all
end

-- Messages and files, and calls that pass by BLAST where they fit a frame.
local bypass = {
  { name = "mesh", protocol = "driver" },
  { name = "rdm", protocol = "rdm", below = { "mesh" } },
  { name = "nx", protocol = "nx", below = { "rdm" } },
  { name = "blast", protocol = "blast", below = { "mesh" } },
  { name = "size", protocol = "vipsize", below = { "mesh", "blast" } },
  { name = "chan", protocol = "chan", below = { "size" } },
  { name = "rpc", protocol = "select", below = { "chan" } },
}

return {
  machine = machine,
  bypass = bypass,
  over = over,
  with_cuts = with_cuts,
  cuts = with_cuts(machine),   -- for checkpoints (services.checkpoints)
  -- Shared memory straight over the driver.
  svm = {
    { name = "mesh", protocol = "driver" },
    { name = "rdm", protocol = "rdm", below = { "mesh" } },
    { name = "svm", protocol = "svm", below = { "rdm" } },
    { name = "sync", protocol = "sync", below = { "rdm" } },
  },
  -- The same, and calls: for paging to other nodes.
  svm_paging = {
    { name = "mesh", protocol = "driver" },
    { name = "rdm", protocol = "rdm", below = { "mesh" } },
    { name = "svm", protocol = "svm", below = { "rdm" } },
    { name = "sync", protocol = "sync", below = { "rdm" } },
    { name = "blast", protocol = "blast", below = { "mesh" } },
    { name = "chan", protocol = "chan", below = { "blast" } },
    { name = "rpc", protocol = "select", below = { "chan" } },
  },
  -- Shared memory whose programs are saved (services.checkpoints).
  svm_cuts = with_cuts(with_svm(machine)),
  -- RDM over a driver that loses, doubles and delays that share of the traffic, below `uppers`.
  lossy = function(share, uppers)
    local graph = {
      { name = "mesh", protocol = "driver" },
      { name = "vdrop", protocol = "vdrop", below = { "mesh" },
        drop = share, duplicate = share, delay = share, delay_max = "2ms" },
      { name = "rdm", protocol = "rdm", below = { "vdrop" } },
    }
    for _, name in ipairs(uppers) do
      graph[#graph + 1] = { name = name, protocol = name, below = { "rdm" } }
    end
    return graph
  end,
}
