-- What layers, virtual protocols and IP cost a call: x-kernel's RPC stacks on a pair of Sun-3/75.
--
--   psim figure rpc_layers
--   psim run rpc_layers -p path=vip -p stack=bypass
--
-- M.RPC is one protocol; L.RPC is SELECT over CHAN over BLAST.  VIP goes straight over the Ethernet
-- to who is on it, where IP would have a header of its own for all.  Without BLAST, calls that fit
-- a frame show what it costs; VIPsize gives that back to them and keeps BLAST for the others.
-- Four numbers of the papers are inputs of the price list (configs/machines/sun3.lua): the table
-- of verdicts says which of the expectations rest on them.  All are quoted from memory; none of the
-- published times themselves is judged.
local sun3 = include "machines/sun3.lua"
local graphs = include "parts/graphs.lua"
local stacks = { "monolithic", "layered", "bypass", "whole" }
local stack = param("stack", "layered", stacks)
local path = param("path", "vip", { "eth", "vip", "ip" })

local function at(s, p, size) return { stack = s, path = p, ["workload.size"] = size or "0B" } end

local hp91 = "Hutchinson and Peterson, IEEE TSE 17(1), 1991 (from memory)"
local op92 = "O'Malley and Peterson, TOCS 10(2), 1992 (from memory)"
local function ratio(name, a, b, least, most, citation, calibrated)
  return { kind = "ratio", name = name, measure = "calls.time.mean", at = a, over = b,
           min = least, max = most, citation = citation, calibrated = calibrated }
end

local expectations = {
  { kind = "value", name = "M.RPC over ETH, null call", at = at("monolithic", "eth"),
    equals = "1.73ms", within = 0.02, citation = hp91, calibrated = true },
  ratio("VIP takes at most 0.1 ms more than ETH", at("monolithic", "vip"), at("monolithic", "eth"),
        1, 1 + 0.1 / 1.73, hp91),
  ratio("IP takes at least 0.25 ms more than VIP", at("monolithic", "ip"), at("monolithic", "vip"),
        1 + 0.25 / 1.79, nil, hp91, true),
  ratio("L.RPC over VIP against M.RPC", at("layered", "vip"), at("monolithic", "vip"),
        1.03, 1.12, hp91, true),
  ratio("L.RPC over ETH against M.RPC", at("layered", "eth"), at("monolithic", "eth"),
        1.03, 1.12, hp91),
  ratio("L.RPC over IP against M.RPC", at("layered", "ip"), at("monolithic", "ip"), 1.03, 1.12,
        hp91),
  { kind = "value", name = "L.RPC over VIP, null call", at = at("layered", "vip"),
    equals = "1.93ms", within = 0.1, citation = hp91, confidence = "low" },
  { kind = "value", name = "M.RPC over IP, null call", at = at("monolithic", "ip"),
    equals = "2.10ms", within = 0.1, citation = hp91, confidence = "low" },
  { kind = "value", name = "L.RPC past BLAST, null call", at = at("bypass", "vip"),
    equals = "1.78ms", within = 0.1, citation = op92, confidence = "low" },
}
for _, p in ipairs { "eth", "vip", "ip" } do
  -- Without BLAST a call takes W, with it L, which is 1.07 W at least; what VIPsize leaves of the
  -- difference is at most a fifth: 0.014 W.
  expectations[#expectations + 1] =
    ratio("over " .. p .. ": BLAST takes 7 % at least", at("layered", p), at("whole", p),
          1.07, nil, "derived: 20 % of that are 1.4 %")
  expectations[#expectations + 1] =
    ratio("over " .. p .. ": VIPsize gives back 80 % of that", at("bypass", p), at("whole", p),
          nil, 1.014, op92)
  for _, s in ipairs { "layered", "bypass" } do
    expectations[#expectations + 1] = {
      kind = "ratio", name = s .. " over " .. p .. ": throughput within 3 % of M.RPC",
      measure = "calls.throughput.mean", at = at(s, p, "16KiB"),
      over = at("monolithic", p, "16KiB"), equals = 1, within = 0.03, citation = hp91,
    }
  end
end
for _, p in ipairs { "vip", "ip" } do
  expectations[#expectations + 1] = {
    kind = "ratio", name = p .. ": throughput within 3.5 % of ETH",
    measure = "calls.throughput.mean", at = at("monolithic", p, "16KiB"),
    over = at("monolithic", "eth", "16KiB"), equals = 1, within = 0.035, citation = hp91,
    missed = p == "ip" and "what the null call calibrates as IP's price is paid for each of 12 " ..
                           "frames by the receiver, which limits" or nil,
  }
end

return {
  title = "RPC, monolithic and layered",
  doc = "Time of a call and throughput of 16 KiB calls, by stack of protocols and by path.",
  machine = sun3 { graph = graphs.calls(stack, path) },
  workload = { kind = "calls", size = param("workload.size", "0B") },
  sweep = {
    product = { stack = stacks, path = { "eth", "vip", "ip" },
                ["workload.size"] = { "0B", "1KiB", "16KiB" } },
    constraint = function(p)
      return p.stack ~= "whole" or p["workload.size"] ~= "16KiB"
    end,
  },
  measures = { "calls.time.mean", "calls.throughput.mean", "calls.twice.mean" },
  figure = {
    x = "path", y = "calls.time.mean", by = "stack", where = { ["workload.size"] = "0B" },
    x_label = "path", y_label = "time of a null call",
    published = {
      { name = "M.RPC", of = "monolithic", citation = hp91, confidence = "low",
        points = { { "eth", "1.73ms" }, { "vip", "1.79ms" }, { "ip", "2.10ms" } } },
      { name = "L.RPC", of = "layered", citation = hp91, confidence = "low",
        points = { { "vip", "1.93ms" } } },
      { name = "L.RPC past FRAGMENT", of = "bypass", citation = op92, confidence = "low",
        points = { { "vip", "1.78ms" } } },
    },
    expectations = expectations,
  },
}
