# The commands of documents and of the heads of configurations do what they show: a sample of the quick ones, and
# `psim check` of the slow ones.  scripts/soak-docs has all.
. tests/system/lib.sh
command -v python3 >/dev/null || fail "python3 is missing: scripts/setup --test"
export B=$(dirname "$PSIM")
python3 tests/system/doc_commands.py quick 6

# What the collector must refuse.
mkdir -p "$T/tree/docs" "$T/tree/configs" "$T/tree/tests/system" "$T/tree/results/reference"
other() { TREE=$T/tree gives "$@"; }
cp "$Q" "$T/tree/configs/"
touch "$T/tree/README.md" "$T/tree/tests/system/doc_commands.txt"
other 1 python3 tests/system/doc_commands.py quick
grep -q "nothing was collected" "$T/err" || fail "documents without a command pass"
{ echo '-- psim check queue'; cat "$Q"; } >"$T/tree/configs/queue.lua"
printf 'See `psim\ncheck queue`, `psim run` and\n\n```\npsim list workloads   # all\n```\n    psim check \\\n    nowhere\n' >"$T/tree/README.md"
other 1 python3 tests/system/doc_commands.py quick
grep -q '^2 passed, 1 failed' "$T/out" || { cat "$T/out"; fail "what was collected"; }
grep -q '^FAIL.*psim check nowhere' "$T/out" || { cat "$T/out"; fail "a command that fails passes"; }
echo 'psim check nowhere | 2 | quick |' >"$T/tree/tests/system/doc_commands.txt"
other 0 python3 tests/system/doc_commands.py quick
echo 'psim check elsewhere | 2 | quick |' >"$T/tree/tests/system/doc_commands.txt"
other 1 python3 tests/system/doc_commands.py quick
grep -q "no document has: psim check elsewhere" "$T/err" || fail "a line of the table without a command"
