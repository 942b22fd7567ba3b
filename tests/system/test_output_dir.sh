# --output-dir makes its folder, and says in one sentence when it cannot.
. tests/system/lib.sh
config small <<'END'
return {
  mesh = { kind = "worm", rows = 3, columns = 4 },
  workload = { kind = "mesh_load", load = 0.1, warmup = "2us", measure = "5us" },
}
END
gives 0 "$PSIM" run "$T/small.lua" -q --no-store --output-dir "$T/made"
[ -s "$T/made/packets.csv" ] || fail "packets.csv is not written"
[ -s "$T/made/channels.svg" ] || fail "channels.svg is not written"
gives 2 "$PSIM" run "$T/small.lua" -q --no-store --output-dir "$T/no/such"
says "cannot be made"
# Each point of a sweep has a folder of its own.
gives 0 "$PSIM" run "$T/small.lua" -q --no-store --output-dir "$T/made" -p 'workload.load={0.1,0.3}' -j 2
[ -s "$T/made/point-1/packets.csv" ] || fail "the first point's files are not in their folder"
cmp -s "$T/made/point-1/packets.csv" "$T/made/packets.csv" || fail "the same point wrote other packets"
cmp -s "$T/made/point-1/packets.csv" "$T/made/point-2/packets.csv" && fail "the points share a file"

# What they write appears whole, at the end, or not at all: a loss is one sentence and exit 3, the
# point stays in the results file with its measures, and an old file as it was.
names() { LC_ALL=C ls -A "$1" | tr '\n' ' '; }
mkdir "$T/old"
ln -s /dev/full "$T/old/sources.csv"
gives 3 "$PSIM" run "$T/small.lua" -q -o "$T/r.db" --output-dir "$T/old"
says "old/sources.csv' cannot be written"
"$PSIM" export "$T/r.db" -c status,"offered [flits/node/cycle]" | grep -q 'unwritten,0\.0' || fail "the point is not in the results file"
cmp -s "$T/old/packets.csv" "$T/made/packets.csv" || fail "what could be written was not"
rm "$T/old/sources.csv"
mesh='mesh = { kind = "worm", rows = 8, columns = 8 }'
config load <<END
return { $mesh, workload = { kind = "mesh_load", load = 0.1, measure = "300us" } }
END
config reply <<END
return { $mesh, workload = { kind = "mesh_reply", measure = "300us" } }
END
config batch <<END
return { $mesh, workload = { kind = "mesh_batch", packets = 30 } }
END
config disk <<'END'
return { devices = { { kind = "disk" } }, workload = { kind = "disk_load", requests = 1000 } }
END
yes '0 0 8 16 R' | head -n 1000 >"$T/t.txt"
config replay <<'END'
return { devices = { { kind = "disk" } }, workload = { kind = "disk_replay", file = "t.txt" } }
END
small() { bash -c 'ulimit -f 8; trap "" XFSZ; exec "$@"' small "$@"; }
rm "$T/old"/*
for x in load:packets reply:packets batch:packets disk:requests replay:requests; do
    f=$T/old/${x#*:}.csv
    echo old >"$f"
    gives 3 small "$PSIM" run "$T/${x%:*}.lua" -q --no-store --output-dir "$T/old"
    says "${f#"$T"}' cannot be written"
    [ "$(cat "$f")" = old ] || fail "$x: the old file was changed"
done
ls -A "$T/old" | grep '^\.' && fail "parts are left"

# A run that is killed changes nothing that was there.
rm "$T/old"/*
echo old >"$T/old/packets.csv"
"$PSIM" run "$T/load.lua" -q --no-store --output-dir "$T/old" -p workload.measure=10s 2>"$T/err" &
begun() { ls -A "$T/old" | grep -q '^\.part-'; }
eventually begun || fail "no part was begun"
kill -9 $!
wait $! 2>/dev/null || true
[ "$(cat "$T/old/packets.csv")" = old ] || fail "the killed run changed packets.csv"
[ "$(names "$T/old" | tr ' ' '\n' | grep -v '^\.part')" = packets.csv ] || fail "the killed run left more: $(names "$T/old")"

if [ "$(id -u)" -eq 0 ]; then
    mkdir "$T/ro" "$T/tiny"
    chmod 711 "$T"
    gives 2 setpriv --reuid=65534 --regid=65534 --clear-groups "$PSIM" run "$T/small.lua" -q --no-store --output-dir "$T/ro"
    says "ro/packets.csv' cannot be written: Permission denied"
    if mount -t tmpfs -o size=64k none "$T/tiny" 2>/dev/null; then
        code=0
        "$PSIM" run "$T/load.lua" -q -o "$T/r.db" --output-dir "$T/tiny" >"$T/out" 2>"$T/err" || code=$?
        left=$(names "$T/tiny")
        umount "$T/tiny"
        [ "$code" -eq 3 ] || fail "a full tmpfs gave $code"
        says "tiny/packets.csv' cannot be written"
        case "$left" in *packets.csv*) fail "a cut file appeared" ;; esac
    fi
fi
exit 0
