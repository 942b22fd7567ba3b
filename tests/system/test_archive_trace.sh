# Requests of an archive's users: what is drawn has the statistics that its parameters say, is written out, and gives the
# same run again; a damaged trace is refused by check and run alike, with its file and line.
. tests/system/lib.sh
config trace <<'END'
local c = include "archive_trace.lua"
for key, value in pairs { smallest = "14B", requests = param("n", 250), trace = param("workload.trace", "") } do
    c.workload[key] = value
end
return c
END
C=$T/trace.lua
gives 0 "$PSIM" trace "$C" -c os -o "$T/run.json"
digest=$(sed -n 's/.*digest //p' "$T/out")
scripts/archive-trace "$T/run.json" >"$T/run.archive" || fail "it is not written out"
gives 0 "$PSIM" run "$C" --no-store --json -p workload.trace="$T/run.archive"
[ "$(digests "$T/out")" = "$digest" ] || fail "the trace gives another run: $(digests "$T/out"), not $digest"
# Of 1000 requests: reads, repeats of reads within 8 h, bytes, reads an hour in working hours over others.
awk '!/^#/ {
    t = $1; sub(/[a-z]*$/, "", t); t /= 1e6; n++; bytes += $5; key = $2 " " $4
    if ($3 == "read") {
        reads++; again += key in last && t - last[key] <= 28800; hour = int(t / 3600) % 168
        busy += work = hour < 120 && hour % 24 >= 8 && hour % 24 < 20
        if (!(key in last) && $4 < 10000) fresh++
    }
    last[key] = t; end = t
} END {
    for (h = 0; h < end / 3600; h++) if (h % 168 < 120 && h % 24 >= 8 && h % 24 < 20) on++; else off++
    print n, reads / n, again / reads, bytes / n / (14 * 1.5 * (2 ^ 14 - 1) / 14), busy / on / ((reads - busy) / off)
    exit !(n == 1000 && reads / n > 0.62 && reads / n < 0.72 && again / reads > 0.27 && again / reads < 0.40 &&
           bytes > 0.75 * n * 24574 && bytes < 1.25 * n * 24574 && busy / on / ((reads - busy) / off) > 2.2 &&
           busy / on / ((reads - busy) / off) < 4)
}' "$T/run.archive" || fail "the statistics are not those of the parameters"
# A read of what is still being written waits for it.
printf '1s 0 write 20000 500\n1100ms 0 read 20000 500\n' >"$T/soon.archive"
gives 0 "$PSIM" run "$C" -q --no-store -p workload.trace="$T/soon.archive"
[ ! -s "$T/err" ] || { cat "$T/err"; fail "it did not"; }
# A trace that ships.
gives 0 "$PSIM" run archive_trace -q --no-store -p workload.trace="$PWD/configs/traces/day.archive"
damaged() { # LINE SENTENCE: behind two good lines
    printf '1s 0 read 17 1000\n2s 0 write 20000 500 # good\n%s\n' "$1" >"$T/bad.archive"
    gives 2 "$PSIM" check "$C" -p workload.trace="$T/bad.archive"; says "bad.archive:3: $2"
    gives 2 "$PSIM" run "$C" -q --no-store -p workload.trace="$T/bad.archive"; says "bad.archive:3: $2"
}
damaged "3s 0 read 17" "the line is '3s'; wanted TIME RANK read|write FILE BYTES"
damaged "3 0 read 17 5" "the time is '3'; write 12.5s, since the start"
damaged "-3s 0 read 17 5" "the time is '-3s'"
damaged "1s 0 read 17 5" "the time is '1s'; it is before that of the rank's line before"
damaged "3s 60000 read 17 5" "the rank is '60000'"
damaged "3s 0 reads 17 5" "the operation is 'reads'; write read or write"
damaged "3s 0 read x 5" "the file is 'x'"
damaged "3s 0 read 17 0" "the size is '0'; a file has a byte at least"
damaged "3s 0 read 17 99999999999999999999" "the size is '99999999999999999999'"
damaged "3s 0 write 17 5" "file 17 is written, and the archive has it from the start"
damaged "3s 0 write 20000 500" "file 20000 is written twice"
damaged "3s 0 read 20000 501" "file 20000 of 501 bytes is neither in the archive from the start nor written by rank 0 before"
damaged "3s 1 read 20000 500" "file 20000 of 500 bytes is neither in the archive from the start nor written by rank 1 before"
printf '# nothing\n' >"$T/bad.archive"
gives 2 "$PSIM" check "$C" -p workload.trace="$T/bad.archive"; says "holds no request"
