# A node dies under Vesta, through psim run, in each mode, while a file is made, opened, written and flushed: every
# program ends with a status, in the time of the failure detector, and never in a deadlock; who holds the token, too.
#   VESTA_DEATHS="30ms 80ms 130ms"    other moments, while the file is made, when some are through
. tests/system/lib.sh
for at in ${VESTA_DEATHS:-85ms}; do
    for dies in io home program; do
        for back in none 20ms; do
            gives 1 "$PSIM" run vesta_deaths -q --no-store --json -p at="$at" -p dies=$dies -p back=$back
            python3 - "$T/out" "$T/err" "$at" $back <<'END' || { cat "$T/err"; fail "death of $dies at $at, back after $back"; }
import json, re, sys
points = json.load(open(sys.argv[1]))["points"]
# A detector that takes a second, three times; with a next life of the node timers of its last calls end later.
bound = float(sys.argv[3][:-2]) / 1000 + (3.5 if sys.argv[4] == "none" else 8)
text = open(sys.argv[2]).read()
told = re.findall(r"(?:server|node) down|stale file", text)
sys.exit(len(points) != 3 or len(told) < 3 or "deadlock" in text or
         any(p["status"] != "audit" or p["simulated_seconds"] > bound for p in points))
END
        done
    done
done
