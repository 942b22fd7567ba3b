-- Calls of 16 KiB over an Ethernet that loses frames: what is sent again, how soon, and that
-- nothing is executed twice.
--
--   psim figure rpc_loss
--   psim run rpc_loss -p stack=layered -p loss=0.05 -p duplicate=0.05
--
-- BLAST's receiver grants a message 10 ms a fragment before it asks for what is missing, so one
-- lost fragment of twelve costs 0.12 s, six times the call; `eager` asks when the last fragment
-- comes.  M.RPC has the timer of the call alone, of seconds.  A lost reply, a frame, is CHAN's to
-- ask for, after 5 s.  Losses strike above ARP, on each frame alike.
local sun3 = include "machines/sun3.lua"
local graphs = include "parts/graphs.lua"
local stack = param("stack", "layered", { "layered", "eager", "monolithic" })
local loss = param("loss", 0)

local graph = graphs.calls(stack == "monolithic" and stack or "layered", "eth",
                           { drop = loss, duplicate = param("duplicate", 0) })
for _, instance in ipairs(graph) do
  if instance.name == "blast" then
    instance.eager_nack = stack == "eager"
    instance.fragment_wait = param("fragment_wait", "10ms")
  end
end
local losses = { 0, 0.01, 0.02, 0.05, 0.1 }
local stacks = { "layered", "eager", "monolithic" }

local once, times = {}, {}
for _, s in ipairs(stacks) do
  for _, l in ipairs(losses) do
    once[#once + 1] = {
      kind = "range", name = s .. ", " .. l .. ": nothing is executed twice",
      measure = "calls.twice.mean", at = { stack = s, loss = l }, min = 0, max = 0,
      citation = "derived: at most once [Hutchinson and Peterson, IEEE TSE 17(1), 1991]",
    }
  end
end
local function time(s, l, equals, within, citation)
  return { kind = "value", name = s .. ", " .. l .. ": time of a call",
           measure = "calls.time.mean", at = { stack = s, loss = l }, equals = equals,
           within = within, citation = citation }
end
-- A call of 12 fragments takes 19 ms, its reply is a frame; the timers are 5 s and 0.12 s.
times[#times + 1] =
  time("monolithic", 0.01, 0.019 + (1 - 0.99 ^ 13) * 5, 0.2,
       "derived: one of 13 frames is lost, and its call asks after 5 s")
times[#times + 1] =
  time("layered", 0.05, 0.019 + (1 - 0.95 ^ 12) * 0.13 + 0.05 * 5, 0.2,
       "derived: a fragment is asked for after 0.12 s, a reply after 5 s")
times[#times + 1] = {
  kind = "ratio", name = "5 %: who asks at the last fragment saves some of 0.12 s",
  measure = "calls.time.mean", at = { stack = "eager", loss = 0.05 },
  over = { stack = "layered", loss = 0.05 }, min = 0.75, max = 0.95,
  citation = "derived: 46 % of calls lose a fragment, in a twelfth of them the last",
}

return {
  title = "Calls under loss",
  doc = "Throughput of calls of 16 KiB against the share of frames that are lost.",
  machine = sun3 { graph = graph },
  workload = { kind = "calls", size = "16KiB", rounds = param("workload.rounds", 1000) },
  sweep = { product = { stack = stacks, loss = losses }, replications = 4 },
  measures = {
    "calls.throughput.mean", "calls.time.mean", "calls.failed.mean", "calls.twice.mean",
    "blast.nacks_sent", "blast.resent", "blast.given_up", "chan.resent", "faults.dropped",
  },
  expectations = once,
  figure = {
    x = "loss", y = "calls.throughput.mean", by = "stack", log = "y",
    x_label = "share of frames lost", y_label = "throughput", expectations = times,
  },
}
