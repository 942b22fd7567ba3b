# Nothing that comes from a configuration, a name or a results file can steer the terminal.
. tests/system/lib.sh

# no_controls FILE...: no control character but newline and tab, no U+009B.
no_controls() {
    ! LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$@" || fail "a control character in $*"
}
esc=$(printf '\033[31m')
config "a${esc}b" <<'END'
print("\27[2J\u{9b}31m")
return {
    title = "red\27[31m\nand a line",
    workload = { kind = "event_ring", customers = 100, load = param("load", 0.5) },
    seed = 1 + 0 * #param("née", ""),
    sweep = { product = { ["née"] = { "x\27[5mx\ny", "Größe" } } },
    measures = { "wait\27[7m.mean", "wait.mean" },
    expectations = { { measure = "wa\27[31mit", min = 0 } },
}
END
F=$T/a${esc}b.lua
gives 1 "$PSIM" run "$F" -o "$T/r.db"
no_controls "$T/out" "$T/err"
grep -q 'red?\[31m and a line' "$T/out"
grep -q 'Größe' "$T/out"
gives 1 "$PSIM" run "$F" -o "$T/r.db" --json;     no_controls "$T/out" "$T/err"
gives 0 "$PSIM" check "$F";                       no_controls "$T/out" "$T/err"
gives 0 "$PSIM" check "$F" --resolved;            no_controls "$T/out" "$T/err"
gives 0 "$PSIM" export "$T/r.db";                 no_controls "$T/out" "$T/err"
gives 0 "$PSIM" plot "$T/r.db" -x née -y wait.mean -o "$T/plot.svg"
no_controls "$T/out" "$T/err" "$T/plot.svg"
gives 2 "$PSIM" check "$Q" -p "$esc=1";           no_controls "$T/out" "$T/err"
gives 2 "$PSIM" "$esc";                           no_controls "$T/out" "$T/err"
gives 2 "$PSIM" check "$T/no$esc
psim: a second line"
no_controls "$T/out" "$T/err"
says "no?[31m psim: a second line"
config keys <<'END'
return { workload = { kind = "event_ring" }, ["a\27[31m"] = 1 }
END
gives 2 "$PSIM" check "$T/keys.lua";              no_controls "$T/out" "$T/err"

# What it prints ends some day.
config prints <<'END'
for i = 1, 1e6 do print(i) end
return { workload = { kind = "event_ring" } }
END
gives 0 "$PSIM" check "$T/prints.lua"
[ "$(wc -l <"$T/err")" -le 202 ] || fail "$(wc -l <"$T/err") lines"
grep -q 'no more are shown' "$T/err"
