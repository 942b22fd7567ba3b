-- The network sweep where packets go round each other: the control that must fail.
--
-- Half of what a sweep rests on is that nothing goes round its wave: packets in the order of
-- dimensions, and one queue a channel.  Here nine nodes send each other messages, an eighth of them
-- long ones to the node in the middle, whose memory takes 20 MB/s: the network holds what it cannot
-- take, and messages behind that wait for longer than a sweep lasts.  Every cut is judged.
--
--   psim run ckpt_adaptive                        passes: ns in the order of dimensions, and sns
--   psim run ckpt_adaptive -p route=west_first    fails: a message that went another way than the
--                                                 markers is in no log
--   psim run ckpt_adaptive -p channels=2          fails: one passed by a marker on its own way
--   psim run ckpt_adaptive -p route=adaptive -p channels=2    both
--
-- `sns` compares numbers and follows no marker: it passes under all of them.  Software is ten times
-- faster than R1.4, so that a sweep is short, and flits have 16 bytes, so that the run is.
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"

local algorithm = param("algorithm", "ns")
local cuts = param("workload.cuts", 1000)
local route = param("route", "xy")
local channels = param("channels", 1)

local machine = paragon {
  rows = 3, columns = 3, scale = 0.1, graph = graphs.cuts,
  os = { cut = { algorithm = algorithm, unordered = true } },
}
machine.network = {
  model = "flit", route = route, virtual_channels = channels, fifo = "empty",
  flit_bytes = 16, flit_time = "80ns", ejection_delay = "90ns",
}
machine.nic.header_flits = 2
machine.nic.receive_packets = 1
machine.nic.dma_rate = "20MB/s"

return {
  title = "A network sweep where packets go round each other",
  doc = "Cuts of ns and sns under messages that wait in the network, judged.",
  machine = machine,
  workload = {
    kind = "cuts", cuts = cuts, late = 0, interval = "500us", gap = "500us", size = "100B",
    hot = 4, hot_size = "4KiB", hot_share = 12,
  },
  sweep = { product = { algorithm = { "ns", "sns" } } },
  measures = { "cut.mean", "cut.cuts", "cut.received", "cut.unsent" },
  expectations = {
    { measure = "cut.cuts", equals = 9 * cuts, citation = "each rank is done with each cut" },
  },
}
