-- Control messages of a consistent cut against nodes: what each algorithm sends, counted at the
-- network interfaces, beside its formula (facts: Plank & Li, IJPP 1991, as reconstructed).
--
--   psim figure ckpt_messages                             # 4 to 1,024 nodes, a quarter of a minute
--   psim run ckpt_messages -p largest=4096 -p many=true   # cl on all networks, ns and sns of 4,096
--
-- `sns` walks a tree of the ranks five times, which no network changes; `ns` sends two markers over
-- each channel between routers, once each way; `cl` one from each rank to each other.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local algorithm = param("algorithm", "ns")
local shape = param("shape", "mesh", { "mesh", "mesh3", "cube" })
local nodes = param("nodes", 16)
local cuts = param("workload.cuts", 1)
local many = param("many", false)  -- cl at 1,024 nodes, 1,047,552 markers a cut, on all networks
local all = {}   -- numbers of nodes
for k = 2, 12, 2 do
  if 1 << k <= param("largest", 1024) then all[#all + 1] = 1 << k end
end
local d = 0
while 2 ^ d < nodes do d = d + 1 end
if 2 ^ d ~= nodes then error("nodes is " .. nodes .. ", not a power of 2") end

-- rows, columns, planes: as square as they go.
local function sizes(dims)
  local s = {}
  for k = 1, dims do s[k] = 1 << ((d + k - 1) // dims) end
  return s
end

local rows, columns, network, size
if shape == "mesh" then
  size = sizes(2)
  rows, columns = size[1], size[2]
  network = { model = "worm" }
elseif shape == "mesh3" then
  size = sizes(3)
  rows, columns = size[1] * size[2], size[3]
  network = { model = "worm", rows = size[1], columns = size[3], planes = size[2] }
else
  size = {}
  for k = 1, d do size[k] = 2 end
  rows, columns = sizes(2)[1], sizes(2)[2]   -- of the numbers of nodes alone
  network = { model = "worm", dimension = d }
end

local machine = paragon { rows = rows, columns = columns, graph = graphs.cuts, scale = 0,
                          os = { cut = { algorithm = algorithm } } }
machine.network = network
machine.nic.mtu, machine.nic.packet_bytes = "64KiB", "64KiB"   -- sns: 8 B a rank in one frame

local function runs(p)
  return p.algorithm ~= "cl" or p.nodes < 1024 or
         p.nodes == 1024 and (many or p.shape == "mesh")
end

-- One expectation a point, by the closed form.
local expectations = {}
local function formula_of(n, a, s)
  if a == "cl" then return n * (n - 1) end
  if a == "sns" then return 4 * (n - 1) + (n - 1) end
  local bits, dims, sum = 0, s == "mesh" and 2 or s == "mesh3" and 3 or 0, 0
  while 1 << bits < n do bits = bits + 1 end
  if dims == 0 then return n * bits end
  for k = 1, dims do
    local side = 1 << ((bits + k - 1) // dims)
    sum = sum + 2 * n * (side - 1) // side
  end
  return sum
end
for _, n in ipairs(all) do
  for _, a in ipairs { "sns", "cl", "ns" } do
    for _, s in ipairs { "mesh", "mesh3", "cube" } do
      if runs { nodes = n, algorithm = a, shape = s } then
        expectations[#expectations + 1] = {
          measure = "nic.frames_in", equals = cuts * formula_of(n, a, s),
          at = { nodes = n, algorithm = a, shape = s },
          citation = "Plank & Li, IJPP 1991, as reconstructed; sns: its drain is N - 1",
        }
      end
    end
  end
end

return {
  title = "Control messages of a cut against nodes",
  doc = "Frames that a consistent cut needs at the network interfaces, by algorithm and network.",
  machine = machine,
  workload = { kind = "cuts", cuts = cuts, gap = "0", check = false, late = "0", at = 0 },
  sweep = { product = {
    nodes = all,
    algorithm = { "sns", "cl", "ns" },
    shape = { "mesh", "mesh3", "cube" },
  },
    constraint = runs,
  },
  figure = { x = "nodes", y = "nic.frames_in", by = { "algorithm", "shape" }, log = "xy",
             x_label = "nodes", y_label = "control messages of a cut" },
  expectations = expectations,
  measures = { "cut.messages", "cut.markers", "cut.starts", "nic.frames_in", "rdm.credits" },
}
