# docs/params.md is what the command prints.
. tests/system/lib.sh
gives 0 "$PSIM" list parameters --markdown
diff docs/params.md "$T/out" || fail "run: build/psim list parameters --markdown >docs/params.md"
# Every parameter says what it is; its source may be missing where the experiment chooses.
awk -F'|' 'NF > 5 && /^\| `/ && $6 ~ /^ *$/ {print "no meaning: " $2; bad = 1} END {exit bad}' docs/params.md
