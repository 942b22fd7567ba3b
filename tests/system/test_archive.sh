# An archive on tapes through the command: each way in which media, drives, arms and servers fail has a sentence, ends
# each request, and loses nothing that was acknowledged; every byte that is read is what was archived (the workloads compare).
. tests/system/lib.sh
config archive <<'END'
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local reads = param("reads", true)
local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 40, nil, "all", "pvr"
silo.cartridges = { count = 10, filled = reads and 4 or 0, blocks = 100, block = "32KiB" }
local tape = merge(include("tapes/dlt4000.lua"), { cartridge = "", load = "4s", load_blank = "6s", unload = "2s" })
local event, node, at = param("event", 0), param("node", 1), param("at", "1ms")
local function cartridge(action) return { { path = "silo", action = action, label = "V000001", as = "X", count = 1000000, at = at } } end
local faults = {
    none = {}, lost = cartridge "lost", mislabel = cartridge "mislabel", stick = cartridge "stick",
    drives = { { path = "io0.0", action = "death", at = at }, { path = "io1.0", action = "death", at = at } },
    library = { { path = "io0.0", action = "death", at = "3s" }, { path = "node 7", at = "14s", after = "15s" } },
    drive = { { path = "io0.0", action = "death", at = at } },
    sector = { { path = "io0.0", action = "sector", sector = 10, sectors = 3, at = at } },
    arm = { { path = "silo.arm.0", action = "death", at = at } },
    arm_back = { { path = "silo.arm.0", action = "death", at = at, after = "100s" } },
    crash = { { path = "node " .. node, action = "crash", event = event, after = "10s" } },
    catalogue = { { path = "n1.0", action = "flip", sector = param("sector", 4224), byte = param("byte", 5), at = "35s" },
        { path = "n1.0", action = "power", at = "30s" }, { path = "node 1", at = "29s", after = "10s" } },
}
return {
    machine = paragon {
        rows = 3, columns = 3, io_nodes = 2, storage = tape, libraries = { silo = silo }, detector_delay = "100ms",
        nodes = { service = { storage = { kind = "disk" } }, pvl = { last = 1 }, pvr = { last = 2 } },
        os = services.list(services.nx, services.archive {
            storage = { volumes = param("volumes", 10), width = param("width", 1), rait = param("rait", "rait0"), filled = reads and 4 or 0, block = "32KiB", blocks = 100, capacity = 100,
                        records = { cache = 16 } },
            pvl = { on = "pvl", patience = "20min", retry = "20s" }, pvr = { on = "pvr" },
        }),
        faults = faults[param("fault", "none")],
    },
    workload = reads and { kind = "restore", nodes = 2, requests = 8, batch = 4, volumes = param("asked", 4), blocks = 100, file = 5 }
        or { kind = "ingest", nodes = 2, appends = 6, size = 20, tries = param("tries", 1), retry = "15s" },
}
END
C=$T/archive.lua
remarks() { # TEXT COUNT: so many remarks of the last run say that
    local n
    n=$(grep -cF -- "$1" "$T/err" || true)
    [ "$n" -eq "$2" ] || { cat "$T/err"; fail "$n remarks, not $2, say: $1"; }
}
reads() { gives 0 "$PSIM" run "$C" -q --no-store "$@"; }
appends() { gives 0 "$PSIM" run "$C" -q --no-store -p reads=false "$@"; }

# What is declared costs no memory and no time: forty million files, 1 PB on 50,000 cartridges.
gives 0 "$PSIM" run tape_month --no-store --json -p requests=1 -p volumes=50000
awk '/"host_bytes"/ { sub(/,/, "", $2); if ($2 + 0 > 60e6) exit 1; n++ } END { exit n != 1 }' "$T/out" || fail "it takes too much memory"
gives 0 "$PSIM" run tape_declared -q --no-store --json -p volumes=50000 -p old=10
awk '/"host_bytes"/ { sub(/,/, "", $2); if ($2 + 0 > 60e6) exit 1; n++ } END { exit n != 1 }' "$T/out" || fail "it takes too much memory"
# Media, drives, arms: of the 16 files of a read 7 lie on the cartridge that is gone.
reads; remarks remark 0
reads -p fault=lost; remarks "volume 1: no repository has the volume" 7; remarks remark 7
reads -p fault=mislabel; remarks "volume 1: what lies in the volume's place bears another label" 7
reads -p fault=stick; remarks "volume 1: the volume does not come out of where it is" 7
reads -p fault=drives; remarks "no drive and arm that could take the volume works" 16
reads -p fault=arm; remarks "no drive and arm that could take the volume works" 16
reads -p asked=12; remarks "the tape has no such block" 8; remarks "no repository has the volume" 3
# A cartridge that cannot be used is passed over, and what is appended goes elsewhere.
for f in lost mislabel stick; do
    appends -p fault=$f; remarks "nothing is appended to volume 1 any more" 1; remarks remark 1
done
appends -p fault=drives; remarks "no drive and arm that could take the volume works" 12
appends -p volumes=2; remarks "no volume has room" 2; remarks remark 2
# A place that cannot be read is named, and takes its own file alone.
reads -p fault=sector -p at=38s; remarks "block 12 of volume 1: a place of the tape cannot be read" 1; remarks remark 1
# A drive that dies with a cartridge in it is opened: nothing is lost.
appends -p fault=drive -p at='{11s,14s,20s}' -p tries=9; remarks remark 0
# The library's node dies meanwhile, and asks again: that another drive is dead does not make a cartridge stuck.
appends -p fault=library -p tries=9; remarks remark 1; remarks "1 crashes and 1 restarts" 1
# The catalogue is damaged while its server is down: a bit of a record, of the log, of the log's header.
appends -p fault=catalogue -p sector=4224 -p byte=52 -p tries=4
remarks "record 2 of table storage.volumes is not what was written there" 1; remarks "the catalogue cannot be read" 2
for at in "20865 -p byte=40" "20864 -p byte=5"; do
    appends -p fault=catalogue -p tries=4 -p sector=$at
    remarks "the storage server's catalogue cannot be used: inconsistent" 1
done
# Crashes at steps of a small run, of the storage server, a mover, the repository, the library; and the arm's failure:
# what is not acknowledged is appended again, and all that was is there.
for node in 1 2 6 7; do
    appends -p fault=crash -p node=$node -p tries=100 -p 'event={40,700,1400,2100,2800,3500,4200,4900,5600,6300,7000,7700,8400}'
    grep -qE "^remark.*(append|failed)" "$T/err" && { cat "$T/err"; fail "node $node"; }
done
# The same of stripes with parity.
for node in 1 6; do
    appends -p fault=crash -p node=$node -p tries=100 -p width=2 -p rait=rait5 -p volumes=5 -p 'event={700,2100,3500,4900,6300,7700}'
    grep -qE "^remark.*(append|failed)" "$T/err" && { cat "$T/err"; fail "node $node"; }
done
# A cartridge of a stripe is lost, a place of it cannot be read, its drive dies: with parity nothing is missing, without it the
# files that it has are named.
rait() { gives 0 "$PSIM" run tape_rait -q --no-store -p width=4 -p "curve=$1"; }
for r in "rait3 lost" "rait5 lost" "rait3 sector" "rait5 sector" "rait5 mislabel" "rait5 drive"; do rait "$r"; remarks remark 0; done
rait "rait0 lost"; remarks "no repository has the volume" 2; remarks remark 2
remarks "reading of bitfile 0" 1; remarks "reading of bitfile 1" 1
rait "rait0 sector"; remarks "reading of bitfile 0: a place of the tape cannot be read" 1; remarks remark 1
# Hard errors lose exactly the files that they hit, of 31 blocks each, and those are named; with two copies nothing is lost, and
# what was damaged is made anew: the second reading needs no other copy.
copies() { gives 0 "$PSIM" run tape_copies -q --no-store --json "$@"; }
counted() { # NAME VALUE
    local n
    n=$(awk -v at="\"$1\": {" 'index($0, at) { getline; print $2 + 0; exit }' "$T/out")
    [ "$n" = "$2" ] || fail "$1 is $n, not $2"
}
for at in "0 1" "30 1" "31 1" "92 2" "124 32" "250 60"; do
    set -- $at
    copies -p copies=1 -p sector="$1" -p sectors="$2"
    hit=$(for ((f = $1 / 31; f <= ($1 + $2 - 1) / 31; f++)); do echo "$f"; done)
    named=$(sed -n 's/.*reading of bitfile \([0-9]*\): a place of the tape cannot be read$/\1/p' "$T/err" | sort -un)
    [ "$hit" = "$named" ] || fail "damaged at $at: files" $hit "are hit, and" $named "are named"
    copies -p sector="$1" -p sectors="$2"; remarks remark 0
    counted bitfile.second "$(wc -w <<<"$hit")"; counted bitfile.healed "$(wc -w <<<"$hit")"
done
copies -p heal=false; remarks remark 0; counted bitfile.second 4; counted bitfile.healed 0
copies -p fault=mislabel; remarks remark 1; counted bitfile.second 10; counted bitfile.healed 10
copies -p fault=mislabel -p copies=1; remarks "reading of bitfile" 10
# Repack from drive to drive, and through memory, as it must be with one drive: that is known at once.
gives 0 "$PSIM" run tape_repack -q --no-store -p size=8 -p 'direct={true,false}'; remarks remark 0
gives 0 "$PSIM" run tape_repack -q --no-store --json -p size=8 -p direct=true -p drives=1; remarks remark 0
awk '/"bitfiles.repack.mean": {/ { getline; sub(/,/, "", $2); if ($2 + 0 > 2000) exit 1; n++ } END { exit n != 1 }' "$T/out" ||
    fail "repack with one drive takes too long"
# What cannot be is said before.
gives 2 "$PSIM" check tape_declared -p workload.old_files=0
says 'workload.old_files is 0: of how many bitfiles are workload.old drawn?'
gives 2 "$PSIM" check "$C" -p reads=false -p rait=rait5
says 'width: a volume with parity has two cartridges at least'
gives 2 "$PSIM" check "$C" -p rait=rait3 -p width=2
says 'filled: volumes with parity have nothing from the start: filled = 0'
times="{$(seq -s, -f %gs 6 2.2 75)}"
appends -p fault=arm_back -p "at=$times"; remarks remark 0
reads -p fault=arm_back -p "at=$times"; remarks remark 0
# Of reads each ends, whatever crashes, and none is wrong.
for node in 1 2 6 7; do reads -p fault=crash -p node=$node -p 'event={30,150,300,450,600,750,900,1050}'; done
