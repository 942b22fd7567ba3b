-- What a DECstation 5000/200 is, and what it has at a local network of the time: for
-- machines/decstation.lua, and as a group of nodes of another machine.
--
--   local work = include "parts/decstation.lua"
--   nodes = { work = work.group {} }                     -- with what else the group's table says
--   networks = { lan = work.network { lan = "fddi" } }
--
-- Options of both: lan ("ethernet", "switched", "fddi", "atm", "hippi"), adapter (a table in place
-- of the network's own), scale (of every software price).
--
-- Sources, by what they are called below:
--   [fbufs]     Druschel and Peterson, SOSP 1993: R3000 of 25 MHz, a copy of 4 KiB in 204 us
--               (quoted from memory, medium)
--   [TCA]       FORE TCA-100 (quoted from memory, medium): no DMA, FIFOs of 36 and 292 cells,
--               TAXI of 140 Mb/s
--   ASSUMED     no source; the reason stands beside it
-- Nothing is calibrated: the prices are those of a Paragon without coprocessor, at half its clock.

local prices = include "parts/prices.lua"
local us, mb = prices.us, prices.mb
local frames = include "parts/frames.lua"

-- Who moves the bytes, and how many may be under way.
local lance = { kind = "pio", rate_out = "20MB/s", rate_in = "20MB/s" }
  -- ASSUMED(LANCE with a memory of its own, which the CPU fills and empties as fast as it copies)
local lans = {
  ethernet = { adapter = lance },
  switched = { adapter = lance },
  fddi = { adapter = { kind = "dma" } },                  -- ASSUMED(DMA)
  atm = { adapter = { kind = "cell_fifo" } },             -- [TCA]
  hippi = { adapter = { kind = "dma" },                   -- ASSUMED(DMA)
            window = "256KiB" },                          -- ASSUMED(four frames, as of a pipeline)
}
-- Frames through FIFOs are shorter: what is under way finds room in 292 cells, or is lost.
local fifo = { payload = 4096, cells = 86, holds = 292 } -- (4,096 + 8 + 8) bytes, 48 a cell

local function chosen(o)
  local name = o.lan or "ethernet"
  local lan = lans[name]
  if not lan then
    error("lan '" .. tostring(name) .. "' is not ethernet, switched, fddi, atm or hippi", 3)
  end
  local adapter = o.adapter or lan.adapter
  local cells = adapter.kind == "cell_fifo"
  return {
    name = name, adapter = adapter, payload = cells and fifo.payload or nil,
    window = cells and fifo.payload * (fifo.holds // fifo.cells) .. "B" or lan.window or "64KiB",
  }
end

local function network(o)
  local lan = chosen(o)
  local nic = frames.nic(lan.name, lan.payload)
  -- ASSUMED(TURBOchannel: 32 bits at 25 MHz)
  nic.dma_rate = lan.adapter.kind == "dma" and "100MB/s" or nil
  return {
    kind = lan.name, adapter = lan.adapter, nic = nic,
    rate = lan.name == "atm" and "taxi140" or nil,        -- [TCA]
    transit = lan.name == "atm" and "10us" or nil,        -- FORE ASX-100 (from memory, low)
  }
end

local function group(o)
  return {
    node = {
      coprocessor = false, upcall_cpu = "application", preempt = true, -- one R3000 [fbufs]
      byte_order = "little",                              -- of the DECstation [memory, high]
    },
    prices = {
      scale = o.scale,
      copy = mb(20),                                      -- 4 KiB in 204 us [fbufs]
      checksum = mb(40), xor = mb(20),                    -- ASSUMED(as to the copy in paragon.lua)
      copy_sum = mb(20),                                  -- ASSUMED(as in paragon.lua)
      -- ASSUMED(R1.2 of paragon.lua at half the clock)
      send = us(20), receive = us(16), frame_out = us(8), frame_in = us(16), trap = us(8),
      switch = us(16), cross = us(2), layer = us(1), choice = us(0.4), match = us(1),
      lookup = us(2), timer = us(2), alloc = us(4), interrupt = us(12), rpc = us(20),
      file = us(80), block = us(4), io = us(40),
      call = us(0.8), flop = us(0.2), op = us(0.08), fault = us(870), map = us(100),
      invalidate = us(100), frame_bytes = {},
      twin = mb(34.1), diff = mb(10.8), diff_out = mb(22.7), diff_in = mb(9.5),
      pack = mb(25 / 13), unpack = mb(25 / 4),
      swap = us(0.4),             -- ASSUMED(ten instructions a word: R3000 has none that swaps)
    },
  }
end

return { group = group, network = network, chosen = chosen }
