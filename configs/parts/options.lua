-- Options of a function of a configuration: others than the known are refused, where it is called.
-- (Machines of one shape know the sizes of the other, without effect: a configuration that may be
-- given any machine says both.)
--
--   return options("paragon", { "rows", "columns" }, function(o) ... end)
return function(name, known, make)
  local is = {}
  for _, key in ipairs(known) do is[key] = true end
  return function(o)
    local unknown
    for key in pairs(o) do
      key = tostring(key)
      if not is[key] and (not unknown or key < unknown) then unknown = key end
    end
    if unknown then
      error(name .. " has no option '" .. unknown .. "'; it has " .. table.concat(known, ", "), 2)
    end
    return make(o)
  end
end
