-- Closed forms that a run is compared with to the picosecond: what a configuration writes as text
-- as whole numbers, and what the work costs that the code names.
--
--   local formula = include "parts/formula.lua"
--   local cost = formula.costs(machine, scale)
--   2 * cost("trap", 1) + cost("copy", formula.bytes(size))
--
-- Everything is whole numbers (10^6 would be a real one): exact up to 2^63.
local MILLION, SECOND = 1000000, 1000000000000        -- ps

local times = { ps = 1, ns = 10^3, us = 10^6, ms = 10^9, s = 10^12, min = 60e12, h = 3600e12 }
local sizes = { [""] = 1, B = 1, kB = 10^3, KiB = 2^10, MB = 10^6, MiB = 2^20, GB = 10^9,
                GiB = 2^30, TB = 10^12, TiB = 2^40 }

-- What is no number with such a unit is 0 here: whose parameter it is refuses it.
local function units(text, of)
  local n, unit = tostring(text):match("^([%d.]+)(%a*)$")
  return math.floor((tonumber(n) or 0) * (of[unit] or 0) + 0.5)
end
local function bytes(text)
  return units(text, sizes)
end
local function ps(text)
  return units(text, times)
end
local function per_second(text)
  return units(tostring(text):gsub("/s$", ""), sizes)
end

-- Time of an amount at a rate (0: none), in millionths if they are given, rounded up once.
local function at(rate, amount, millionths)
  if rate == 0 then return 0 end
  if not millionths then return (amount * SECOND + rate - 1) // rate end
  local all = amount * millionths
  return all // rate * MILLION + (all % rate * MILLION + rate - 1) // rate
end

-- What a kind of work costs on a machine of that scale of prices, whatever -p makes of its price.
local function costs(machine, scale)
  local millionths = math.floor(scale * MILLION + 0.5)
  return function(kind, amount)
    local price = machine.prices[kind]
    local function field(name)
      return param("machine.prices." .. kind .. "." .. name, price[name] or "0")
    end
    local whole = (ps(field("fixed")) + ps(field("each")) * amount) * millionths // MILLION
    return whole + at(per_second(field("rate")), amount, millionths)
  end
end

return { bytes = bytes, ps = ps, per_second = per_second, at = at, costs = costs }
