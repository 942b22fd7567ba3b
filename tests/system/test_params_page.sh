# docs/params.md is what the command prints.
. tests/system/lib.sh
gives 0 "$PSIM" list parameters --markdown
diff docs/params.md "$T/out" || fail "run: build/psim list parameters --markdown >docs/params.md"
# Every parameter says what it is, and where its default comes from.
awk -F'|' '/^\| `/ && ($6 ~ /^ *$/ || ($7 ~ /^ *$/ && $4 !~ /^ *$/)) {print "no meaning or source: " $2; bad = 1} END {exit bad}' docs/params.md
