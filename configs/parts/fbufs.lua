-- What crossing a protection domain costs on a DECstation 5000/200 (25 MHz R3000, pages of 4 KiB),
-- for configs/fbufs.lua, fbufs_atm.lua and placement.lua: prices of the work that transfers name.
--
--   local fbufs = include "parts/fbufs.lua"
--   machine.prices = fbufs.prices; machine.domains.app = { transfer = fbufs.transfers.copy }
--
-- Published are sums for a page [Druschel & Peterson, SOSP 1993, memory]: fbufs cached and volatile
-- 3 us, volatile 21, cached 29, plain 37; copy-on-write of Mach 159; copy 204; remapping 22 to and
-- fro, 42 with new pages; clearing 57.  Calibrated: touch = 3/2 (two domains); map and unmap =
-- (21 - 3)/4; protect = (29 - 3)/2; copy = 4 KiB in 204 - 3; fault = (159 - 3 - 13 - 9)/2; range =
-- 22 - 3 - 9.  Outputs: plain fbufs (34, published 37), remapping with new pages (41, published
-- 42), all that has several pages, messages and crossings.
local us = include("parts/prices.lua").us

local fbufs = {}

fbufs.prices = {
    touch = us(1.5), map = us(4.5), unmap = us(4.5), protect = us(13), fault = us(67),
    range = us(10),
    copy = { rate = "20.4MB/s" },
    clear = { rate = "71.9MB/s" },
    cross = us(40),      -- ASSUMED(a message of Mach and its switch of address spaces; no data)
    trap = us(20),       -- ASSUMED(half of that)
    switch = us(20),     -- ASSUMED(as a trap)
    layer = us(25),      -- ASSUMED(UDP and IP with their look-ups: 100 us a message)
    lookup = us(2), timer = us(3), alloc = us(3),                   -- ASSUMED(some 50 instructions)
    interrupt = us(30), frame_out = us(50), frame_in = us(50),      -- ASSUMED(a driver of the time)
}

local function fbuf(cached, eager, clear)
    return { policy = "fbuf", cached = cached, eager = eager, clear = clear or false }
end
-- As the published ones, without the clearing of new pages.
fbufs.transfers = {
    cached_volatile = fbuf(true, false), volatile = fbuf(false, false), cached = fbuf(true, true),
    plain = fbuf(false, true), cow = "cow", copy = "copy",
    remap = { policy = "remap", fresh = false }, remap_new = { policy = "remap", clear = false },
}
fbufs.names = {
    "cached_volatile", "volatile", "cached", "plain", "remap", "remap_new", "cow", "copy",
}
-- As they are used: new pages are cleared.
fbufs.used = { cached = fbuf(true, false, true), uncached = fbuf(false, true, true) }

return fbufs
