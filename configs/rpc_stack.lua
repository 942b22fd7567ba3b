-- What each layer of L.RPC adds to an echo: programs that talk to the layers of a pair of Sun-3/75.
--
--   psim figure rpc_stack
--   psim run rpc_stack -p top=chan -p waits=thread
--
-- A null message goes to the other station and comes back.  `top` is what the program stands on:
-- the path alone (ETH, VIP, IP), BLAST over it, CHAN over that, or SELECT: the whole stack.
-- Messages are sent on by the upcall that brings them; who calls through CHAN or SELECT is a
-- process that is switched to when its reply comes, and that switch is what makes CHAN the dearest
-- layer.  `waits` has either at every layer.
local sun3 = include "machines/sun3.lua"
local graphs = include "parts/graphs.lua"
local tops = { "path", "blast", "chan", "select" }
local paths = { "eth", "vip", "ip" }
local top = param("top", "select", tops)
local path = param("path", "vip", paths)
local waits = param("waits", "thread", { "thread", "upcall" })

-- The stack up to that layer, and there a program.
local names = { path = path == "eth" and "host" or path, select = "rpc" }
local last = names[top] or top
local graph = {}
for _, instance in ipairs(graphs.calls("layered", path)) do
  graph[#graph + 1] = instance
  if instance.name == last then break end
end
if top ~= "select" then
  graph[#graph + 1] = { name = "user", protocol = "user", below = { last }, serve = true,
                        echo = true }
end

-- What a process that calls sees, and what messages cost without one.
local as_published = { path = "upcall", blast = "upcall", chan = "thread", select = "thread" }
local hp91 = "Hutchinson and Peterson, IEEE TSE 17(1), 1991 (from memory)"

local expectations = {}
for _, p in ipairs(paths) do
  local function at(t, w) return { top = t, path = p, waits = w or as_published[t] } end
  local function adds(name, a, b, least, most, citation)
    expectations[#expectations + 1] = {
      kind = "difference", name = "over " .. p .. ": " .. name, at = a, less = b, min = least,
      max = most, citation = citation,
    }
  end
  -- The dearest and the cheapest: no range reaches into another's.
  adds("SELECT is the cheapest, about 0.1 ms", at "select", at "chan", "50us", "110us", hp91)
  adds("BLAST is between them", at "blast", at "path", "110us", "250us",
       "derived: neither the dearest nor the cheapest")
  adds("CHAN is the dearest", at "chan", at "blast", "250us", nil, hp91)
  adds("without its switch CHAN takes what BLAST does", at("chan", "upcall"), at "blast", "50us",
       "250us", "derived: a header, a look-up and a timer on either side")
  for _, t in ipairs { "path", "select" } do
    expectations[#expectations + 1] = {
      kind = "difference", name = "over " .. p .. ", " .. t .. ": a thread is one switch",
      at = at(t, "thread"), less = at(t, "upcall"), equals = "445us", within = 0.001,
      citation = "derived: prices.switch of configs/machines/sun3.lua",
    }
  end
end

return {
  title = "The layers of L.RPC",
  doc = "Time of a null echo by the topmost layer that it passes.",
  machine = sun3 { graph = graph },
  workload = { kind = "echo", over = top == "select" and "rpc" or "user",
               size = param("workload.size", "0B"), waits = waits },
  sweep = { product = { top = tops, waits = { "upcall", "thread" }, path = paths } },
  measures = { "echo.time.mean" },
  figure = {
    x = "top", y = "echo.time.mean", by = "waits", where = { path = "vip" },
    published = {
      { name = "partial stacks over VIP: messages", of = "upcall", citation = hp91,
        confidence = "low", points = { { "path", "1.12ms" }, { "blast", "1.33ms" } } },
      { name = "partial stacks over VIP: calls", of = "thread", citation = hp91,
        confidence = "low", points = { { "chan", "1.82ms" }, { "select", "1.93ms" } } },
    },
    expectations = expectations,
    x_label = "topmost layer", y_label = "time of a null echo",
  },
}
