# What lru must miss stands in the configuration as its oracle computes it, and every policy misses what the figure expects.
. tests/system/lib.sh
scripts/stack-distance --check || fail "the stack distances are not those of the configuration"
gives 0 "$PSIM" run cache_policies -q --no-store
[ "$(grep -c '^as expected: .*misses of lru' "$T/out")" -eq 25 ] || fail "not all sizes of lru were looked at"
gives 2 "$PSIM" check cache_policies -p workload.shape.hot=5000 -p pattern=walk
says "hot is 5000: not fewer than the 2032 places"
