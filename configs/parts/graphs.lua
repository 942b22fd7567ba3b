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

-- What stands in the place of RDM and BLAST, on what they stood on.
local transports = {
  ulp = function(below) return { { name = "ulp", protocol = "ulp", below = below } } end,
  -- Records of TCP: over IP and Ethernet's frames, which the interface carries in the driver's
  -- place.  ASSUMED(buffers of 64 KiB, as RDM's window, and a first window of two segments: of one
  -- alone the acknowledgement waits).
  tcp = function()
    return {
      { name = "eth", protocol = "eth" },
      { name = "arp", protocol = "arp", below = { "eth" }, address = "10.0.0.0/8" },
      { name = "ip", protocol = "ip", below = { "arp" } },
      { name = "tcp", protocol = "tcp", below = { "ip" }, send_buffer = "64KiB",
        receive_buffer = "64KiB", initial_window = 2 },
      { name = "record", protocol = "record", below = { "tcp" } },
    }
  end,
}

-- A graph with RDM and BLAST ("rdm", as it is), or with one ULP ("ulp") or records of TCP ("tcp")
-- in the place of both: calls are messages then, too.  Consistent cuts stand on RDM alone.
local function over(transport, graph)
  if transport == "rdm" then return graph end
  local make = transports[transport]
  if not make then
    error("transport '" .. tostring(transport) .. "' is not rdm, ulp or tcp", 2)
  end
  local all, stands = {}, false
  for _, instance in ipairs(graph) do
    local new = {}
    for key, value in pairs(instance) do new[key] = value end
    if instance.below then
      new.below = {}
      for k, name in ipairs(instance.below) do
        local other = name == "rdm" or name == "blast"
        new.below[k] = not other and name or transport == "tcp" and "record" or transport
      end
    end
    if instance.protocol == "rdm" or instance.protocol == "blast" then
      if not stands then table.move(make(new.below), 1, 5, #all + 1, all) end
      stands = true
    elseif transport ~= "tcp" or instance.protocol ~= "driver" then
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

-- Messages, files and Mach IPC between nodes, by the instance "ipc" of that protocol; NORMA stands
-- on the driver, or on `packets`.
local function mach(net, packets)
  local all = {}
  for k, instance in ipairs(machine) do all[k] = instance end
  all[#all + 1] = {
    name = "ipc", protocol = net, below = { net == "norma" and (packets or "mesh") or "rpc" },
  }
  return all
end

-- Messages alone, over RDM or ULP; timer: after which it sends again; options: what it is told
-- besides.
local function messages(protocol, timer, options)
  local instance = { name = "messages", protocol = protocol, below = { "mesh" } }
  for key, value in pairs(options or {}) do instance[key] = value end
  if timer then instance[protocol == "ulp" and "wait" or "resend"] = timer end
  return {
    { name = "mesh", protocol = "driver" },
    instance,
    { name = "nx", protocol = "nx", below = { instance.name } },
  }
end

-- Calls as x-kernel's papers have them, over the hosts of an Ethernet.  `path` carries them:
--   eth   straight over it (ARP's sessions, which have no header of their own)
--   ip    datagrams
--   vip   the local network for who is on it, else IP: VIPaddr, once on the way of each message; of
--         "bypass", where VIPsize is that, VMUX, which is there when a session is opened alone.
-- `stack`: "monolithic" (M.RPC), "layered" (L.RPC: SELECT, CHAN and BLAST), "bypass" (with VIPsize,
-- which sends what fits a frame past BLAST), "whole" (without BLAST, for what fits a frame).
-- `lossy`, what VDROP does, stands above the Ethernet.
local function calls(stack, path, lossy)
  local graph = { { name = "lan", protocol = "eth", interface = "lan" } }
  local function add(instance) graph[#graph + 1] = instance end
  add { name = "host", protocol = "arp", below = { "lan" }, address = "10.1.0.0/16" }
  local below = "host"
  if lossy then
    lossy.name, lossy.protocol, lossy.below = "faults", "vdrop", { below }
    add(lossy)
    below = "faults"
  end
  if path ~= "eth" then
    add { name = "ip", protocol = "ip", below = { "host" } }
    if path == "vip" then
      local bound = stack == "bypass"
      add { name = "vip", protocol = bound and "vmux" or "vipaddr", below = { below, "ip" } }
      below = "vip"
    else
      below = "ip"
    end
  end
  -- What goes in a frame of IP, which would cut what is longer by itself.
  local fragment = path ~= "eth" and "1476B" or "0B"
  if stack == "monolithic" then
    add { name = "chan", protocol = "mrpc", below = { below }, fragment = fragment }
  else
    if stack ~= "whole" then
      add { name = "blast", protocol = "blast", below = { below }, fragment = fragment }
    end
    if stack == "bypass" then
      add { name = "size", protocol = "vipsize", below = { below, "blast" },
            cutoff = fragment }
    end
    local over = { whole = below, bypass = "size", layered = "blast" }
    add { name = "chan", protocol = "chan", below = { over[stack] } }
  end
  add { name = "rpc", protocol = "select", below = { "chan" } }
  return graph
end

return {
  machine = machine,
  calls = calls,
  messages = messages,
  mach = mach,
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
