# Disk-directed transfers take what the drives take, by a model that shares nothing with psim (kotz.py): reads and
# writes, blocks in a row and anywhere.
. tests/system/lib.sh
cases='read false 15
read true 8
write false 15
write true 8'
cut -d ' ' -f 1,2 <<<"$cases" | python3 tests/system/kotz.py >"$T/model"
while read -r op scattered within; do
    gives 0 "$PSIM" run disk_directed -q --no-store --json -p workload.op="$op" -p scattered="$scattered" \
        -p distribution=b -p method=directed -p record=8KiB -r 2
    sed -n '/"file.bandwidth"/{n;s/.*: \([0-9.e+]*\),/\1/p}' "$T/out" | awk -v op="$op" -v scattered="$scattered" -v within="$within" \
        -v model="$(head -n 1 "$T/model")" '
        { sum += $1; n++ }
        END { off = 100 * (sum / n / model - 1); printf "%s scattered=%s: %+.1f %%\n", op, scattered, off
              exit !(n == 2 && off < within && off > -within) }' || fail "$op, scattered=$scattered: not within $within % of $(head -n 1 "$T/model")"
    sed -i 1d "$T/model"
done <<<"$cases"
