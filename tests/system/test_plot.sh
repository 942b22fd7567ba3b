# What a plot shows when it is told nothing; long labels; points that are not to be trusted.
. tests/system/lib.sh
needs "$(command -v gnuplot || echo gnuplot)"

long="a label that has forty characters in it"
config four <<END
local who = param("who", "")
return {
    title = "Four",
    workload = {
        kind = "event_ring", load = param("workload.load", 0.5), stations = param("workload.stations", 1),
        customers = param("customers", 50), warmup = 0,
    },
    sweep = { product = {
        ["workload.load"] = { 0.2, 0.5, 0.8, 0.9 }, ["workload.stations"] = { 1, 2 }, customers = { 50, 60 },
        who = { "$long A", "$long B", "$long C" },
    } },
    measures = { "wait.none", "wait.max" },
}
END
gives 0 "$PSIM" run "$T/four.lua" -q -j2 -o "$T/four.db"

# The first measure that the configuration names and that there is; before it the y of its figure.
gives 0 "$PSIM" plot "$T/four.db" -o "$T/a.svg"
grep -q '<text>.*wait max' "$T/a.svg" || fail "y is not the first measure of the configuration"
sed 's/measures = .*/figure = { x = "workload.load", y = "wait.p50" }, measures = { "wait.max" },/' "$T/four.lua" >"$T/fig.lua"
gives 0 "$PSIM" run "$T/fig.lua" -q -o "$T/fig.db" -p who=x -p customers=50
gives 0 "$PSIM" plot "$T/fig.db" -o "$T/b.svg"
grep -q '<text>.*wait p50' "$T/b.svg" || fail "y is not that of the figure"
sed '/measures = /d' "$T/four.lua" >"$T/none.lua"
gives 0 "$PSIM" run "$T/none.lua" -q -o "$T/none.db" -p who=x -p customers=50
gives 0 "$PSIM" plot "$T/none.db" -o "$T/c.svg"
grep -q '<text>.*wait mean' "$T/c.svg" || fail "y is not the first column of the table"

# Small multiples: no title reaches into the next panel, no legend into a plot.
gives 0 "$PSIM" plot "$T/four.db" -x workload.load -b who -o "$T/d.svg"
gives 0 "$PSIM" plot "$T/four.db" -x workload.load -b workload.stations -o "$T/e.svg"
gives 0 "$PSIM" plot "$T/four.db" -x workload.load -b who -w customers=50 -w workload.stations=1 -o "$T/f.svg"
python3 - "$T/d.svg" "$T/e.svg" "$T/f.svg" <<'PY'
import re, sys
seen = set()
for name in sys.argv[1:]:
    svg = open(name).read()
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', svg).group(1))
    # The axis below each plot tells where it ends.
    right = max(float(x) for a in re.findall(r"d='(M[^']+)'", svg) for x in re.findall(r'[ML]([\d.]+),', a))
    for x, size, anchor, text in re.findall(
            r'translate\(([\d.]+),[\d.]+\)"[^>]*font-size="([\d.]+)"[^>]*text-anchor="(\w+)"[^>]*>\s*<text>(?:<tspan[^>]*>)?\s*([^<]*)', svg):
        x, wide = float(x), 0.5 * float(size) * len(text)
        left = x - (wide / 2 if anchor == 'middle' else wide if anchor == 'end' else 0)
        assert -2 <= left and left + wide <= width + 2, (name, 'cut', text, left, wide, width)
        if anchor == 'middle' and ('characters' in text or ' = ' in text):
            seen.add('title')
            assert wide <= 260, (name, 'a title over its neighbour', text)
        if anchor != 'middle' and 'characters' in text:
            seen.add('legend')
            # Right is the end of the legend's own lines; they begin behind the plots.
            assert 'f.svg' in name or left > 80 + 2 * 260, (name, 'a legend over a plot', text, left)
    assert 'f.svg' not in name or right > 0.9 * width, (name, 'squeezed', right, width)
assert seen == {'title', 'legend'}, seen
PY

# Saturated: hollow, and that alone, over the curve and in the legend.
config sat <<'END'
return {
    mesh = { kind = "worm", rows = 4, columns = 4 },
    workload = { kind = "mesh_load", load = param("workload.load", 0.1), warmup = "5us", measure = "20us", drain = "5us" },
    sweep = { product = { ["workload.load"] = { 0.1, 0.2, 0.9 } } },
}
END
gives 0 "$PSIM" run "$T/sat.lua" -q -j2 -o "$T/sat.db"
gives 0 "$PSIM" plot "$T/sat.db" -o "$T/sat.svg"
[ "$(grep -c "xlink:href='#gpPt5' transform" "$T/sat.svg")" -eq 2 ] || fail "not one hollow point and its legend"
hollow=$(sed -n "s/.*#gpPt5' transform='translate(\([0-9.]*\),.*/\1/p" "$T/sat.svg" | head -n 1)
last=$(sed -n "s/.*#gpPt6' transform='translate(\([0-9.]*\),.*color='rgb(  0, 114.*/\1/p" "$T/sat.svg" | sort -n | tail -n 1)
[ "$hollow" = "$last" ] || fail "the hollow point is not that of the highest load"
grep -q 'hollow: not steady' "$T/sat.svg" || fail "the legend does not say what hollow means"
gives 0 "$PSIM" run "$T/sat.lua" -q -o "$T/good.db" -p 'workload.load={0.1,0.2}'
gives 0 "$PSIM" plot "$T/good.db" -o "$T/good.svg"
grep -q "hollow\|xlink:href='#gpPt5' transform" "$T/good.svg" && fail "good points are drawn hollow, or the legend names them"
exit 0
