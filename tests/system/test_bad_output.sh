# A results file that cannot be written is one sentence and exit code 2, a full disk 3.
. tests/system/lib.sh
needs /dev/full
run() { "$PSIM" run "$Q" -q -r 1 -p customers=200 -p workload.warmup=0 "$@"; }

gives 2 run -o "$T/no/such/folder/r.db";       says "no/such/folder"
gives 2 run -o "$T";                           says "$T"
echo "not a database, but long enough to have a header of one hundred bytes as SQLite expects it to be there" >"$T/text.db"
gives 2 run -o "$T/text.db";                   says "text.db"
grep -q "not a database" "$T/text.db" || fail "the foreign file was changed"
gives 3 run -o /dev/full;                      says "/dev/full"

# What a long run ends with is begun before it.
: >"$T/file"
for f in fs_layers:"$T/a.db" fs_layers:"$T/file/a.svg"; do
    gives 2 "$PSIM" figure "${f%%:*}" --db "$T/none.db" -o "${f#*:}"; says "the drawing"
    [ ! -e "$T/none.db" ] || fail "points ran though nothing can be drawn"
done
gives 2 "$PSIM" suite paragon -o "$T/file/page.md"; says "the page"

# A full disk: no file may grow past 8 KiB.
gives 3 bash -c "ulimit -f 8; trap '' XFSZ; '$PSIM' run '$Q' -q -r 1 -p customers=200 -o '$T/full.db'"
says "full"

if [ "$(id -u)" -eq 0 ]; then
    mkdir "$T/ro"
    chmod 711 "$T"
    gives 2 setpriv --reuid=65534 --regid=65534 --clear-groups "$PSIM" run "$Q" -q -o "$T/ro/r.db"
    says "ro/r.db"
    if mkdir "$T/small" && mount -t tmpfs -o size=48k none "$T/small" 2>/dev/null; then
        code=0
        run -p 'workload.stations={1,2,3,4,5}' -o "$T/small/r.db" >"$T/out" 2>"$T/err" || code=$?
        umount "$T/small"
        [ "$code" -eq 3 ] || fail "a full tmpfs gave $code"
        says "full"
    fi
fi
cd "$T"
mkdir plain
cd plain
: >results
gives 2 "$PSIM" run "$Q" -q -r 1;             says "the folder 'results"
