-- Prices as machine presets write them: us(2.4), the time of each; mb(30), a rate in MB/s, or none
-- where that is 0.
--
--   local prices = include "parts/prices.lua"
--   local us, mb = prices.us, prices.mb
return {
  us = function(n)
    return { each = string.format("%dns", math.floor(n * 1000 + 0.5)) }
  end,
  mb = function(n)
    return n == 0 and {} or { rate = string.format("%gMB/s", n) }
  end,
}
