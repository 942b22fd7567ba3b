# A hostile configuration ends within 15 s, with one sentence and exit 2.
# alone: limits of processor time and of time are looked at together.
. tests/system/lib.sh

# hostile NAME SENTENCE: standard input is refused so, by psim's own limits.
hostile() {
    config "$1"
    SECONDS=0
    gives 2 "$PSIM" check "$T/$1.lua"
    [ "$SECONDS" -le 15 ] || fail "$1 took $SECONDS s"
    says "$2"
    grep -qF "$1.lua" "$T/err" || fail "the file is not named: $(cat "$T/err")"
}
# The same where the user allows 1 s of processor time: what ends only by a limit of time.
slow() {
    (ulimit -t 1; hostile "$@")
}

hostile loop "million Lua instructions" <<<'while true do end'
hostile metamethod "C stack overflow" <<<'local t = setmetatable({}, { __index = function(t, k) return t[k .. "x"] end }) return t.a'
hostile index "million Lua instructions" <<<'local t = setmetatable({}, { __index = function() while true do end end }) return t.a'
hostile text "C stack overflow" <<<'local t = setmetatable({}, { __tostring = function(t) return tostring(t) end }) return { title = tostring(t) }'
hostile rep "resulting string too large" <<<'return { title = ("x"):rep(1 << 62, "y") }'
hostile memory "MiB of memory" <<<'return { title = ("x"):rep(1 << 30) }'
hostile recursion "MiB of memory" <<<'local function f() return 1 + f() end f()'
hostile tables "MiB of memory" <<<'local t = {} for i = 1, 1e9 do t[i] = { i } end'
hostile include "does a file include itself?" <<<'return include "include.lua"'
hostile coroutine "global 'coroutine'" <<<'coroutine.wrap(function() while true do end end)()'
hostile constraint "million Lua instructions" <<'X'
return { workload = { kind = "event_ring" },
         sweep = { product = { ["workload.load"] = { 0.1, 0.2 } }, constraint = function() while true do end end } }
X
ten='{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }'
axes="a = $ten, b = $ten, c = $ten, d = $ten, e = $ten, f = $ten, g = $ten, h = $ten"
hostile literal "1: the sweep has more than 100000 combinations" <<<"return { workload = { kind = 'event_ring' }, sweep = { product = { $axes } } }"
hostile powers "the sweep has more than 100000 combinations" <<<'local p = {} for i = 1, 60 do p["a" .. i] = { 1, 2 } end return { sweep = { product = p } }'

slow pattern "processor time" <<<'local s = ("a"):rep(40) return { title = s:find(("a-"):rep(26) .. "b") }'
slow empty "processor time" <<<'return { title = (""):rep(1 << 60) }'
slow refusing "processor time" <<<"return { sweep = { product = { $axes }, constraint = function() return false end } }"

# A sweep that gets on for a while: quick for 300 combinations, then 0.1 s each.
hostile sweep "is the sweep too large?" <<'X'
local a = param("a", 0)
for i = 1, a > 300 and 2e7 or 1 do end
local v = {}
for i = 1, 1000 do v[i] = i end
return { workload = { kind = "event_ring", stations = a > 0 and 1 or 1 }, sweep = { product = { a = v } } }
X
