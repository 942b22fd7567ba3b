# Files over an archive through the command: every way of staging, over PFS, Vesta and one server, every byte compared;
# a crash of the archive's servers, of a mover, or of a node with files, costs time alone; a disk that is too small is a
# sentence.
. tests/system/lib.sh
config hsm <<'END_OF_CONFIG'
local c = include(param("base", "hsm_files") .. ".lua")
c.workload.requests, c.workload.nodes = 24, 2
return c
END_OF_CONFIG
value() {
    awk -v n="\"$1\":" '$1 == n { getline; print $2 + 0; exit }' "$T/out"
}
moves() { # WHAT: bytes were purged and came back
    [ "$(value hsm.purged)" -gt 0 ] && [ "$(value hsm.staged)" -gt 0 ] || fail "$1: nothing was purged, or staged"
}
for base in "hsm_files" "hsm_pfs" "hsm_pfs -p system=vesta" "hsm_pfs -p system=vesta_on_pfs" "hsm_pfs -p system=pfs_on_vesta"; do
    for stage in open demand background none; do
        gives 0 "$PSIM" run "$T/hsm.lua" --no-store --json -q -p base=$base -p stage=$stage
        staged=$(value hsm.staged) direct=$(value hsm.direct)
        case $stage in
        none) [ "$direct" -gt 0 ] && [ "$staged" = 0 ] || fail "$base, none: something came to the disk" ;;
        *) [ "$direct" = 0 ] && moves "$base, $stage" ;;
        esac
        eval "staged_$stage=$staged misses_$stage=$(value hsm.misses)"
    done
    [ "$staged_demand" -le "$staged_open" ] || fail "$base: on demand more was staged than with whole files"
    [ "$base" = hsm_files ] || [ "$misses_open" -lt "$misses_background" ] || fail "$base: whole files first, and as many reads waited"
    [ "$base" = hsm_files ] || [ "$misses_background" -lt "$misses_demand" ] || fail "$base: nothing came in the background"
done
# What a program tells the archive goes to all I/O nodes of a file: there is room for all, and nothing else moves.
told="-p base=hsm_pfs -p space=64MiB -p age=20h -p workload.requests=32"
gives 0 "$PSIM" run "$T/hsm.lua" --no-store --json -q $told
[ "$(value hsm.misses)" = 0 ] || fail "something moved by itself"
for system in pfs vesta vesta_on_pfs pfs_on_vesta; do
    gives 0 "$PSIM" run "$T/hsm.lua" --no-store --json -q $told -p system=$system -p archive=purge
    [ "$(value hsm.staged)" = 33554432 ] || fail "$system, purge: of 16 files of 2 MiB $(value hsm.staged) bytes came back"
    gives 0 "$PSIM" run "$T/hsm.lua" --no-store --json -q $told -p system=$system -p archive=stage
    [ "$(value hsm.misses)" = 0 ] || fail "$system, stage: a read waited"
done
# Three of the files are pinned: they stay, others go; pins for ten seconds have ended by the first read.
slow() { # WHAT YES: whether reads of pinned files wait for a tape
    awk -v t="$(value dataset.pinned.p50)" 'BEGIN { exit !(t > 5) }' && found=yes || found=no
    [ "$found" = "$2" ] && [ "$(value hsm.misses)" -gt 0 ] || fail "$1: reads of pinned files take $(value dataset.pinned.p50) s"
}
pins="-p base=hsm_pfs -p archive=pin -p workload.pinned=3"
for how in "" "-p system=vesta" "-p crash=7"; do
    gives 0 "$PSIM" run "$T/hsm.lua" --no-store --json -q $pins $how
    slow "$how" no
done
gives 0 "$PSIM" run "$T/hsm.lua" --no-store --json -q $pins -p workload.pin=10s
slow "for ten seconds" yes
# Who made the files has them moved, another program's user may not.
for how in "$told" "$told -p system=vesta" "-p base=hsm_files -p workload.settle=0"; do
    mine="$how -p workload.archive=purge -p workload.uid=7 -p workload.own_users=true"
    gives 0 "$PSIM" run "$T/hsm.lua" --no-store --json -q $mine
    [ "$(value hsm.misses)" -gt 0 ] || fail "$how: nothing was purged for its owner"
    gives 1 "$PSIM" run "$T/hsm.lua" --no-store -q $mine -p workload.teller=1
    grep -q "rank 1: migrate of set[0-9]*.000000: permission denied" "$T/err" "$T/out" || fail "$how: another user has files moved"
done
gives 2 "$PSIM" check "$T/hsm.lua" -p workload.archive=stage -p workload.teller=2
grep -q "workload.teller is 2, but there are 2 programs" "$T/err" || fail "a program tells the archive that does not exist"
again=0
for node in 1 11 8; do # the archive's servers', the mover's, the files'
    for at in 20s 90s 450s 600s; do
        gives 0 "$PSIM" run "$T/hsm.lua" --no-store --json -q -p crash=$node -p at=$at
        moves "node $node crashes at $at"
        again=$((again + $(value hsm.again)))
    done
done
# The same of PFS: one of two I/O nodes, while it migrates, purges, stages, and hears hints.
for how in "-p stage=open" "-p stage=background" "-p system=vesta" "-p space=64MiB -p archive=purge" \
    "-p space=64MiB -p archive=stage"; do
    for at in 83220ms 350s 500s; do
        gives 0 "$PSIM" run "$T/hsm.lua" --no-store --json -q -p base=hsm_pfs -p crash=7 -p at=$at -p after=1s $how
        grep -q '1 crashes and 1 restarts of nodes' "$T/out" "$T/err" || fail "$how: no crash at $at"
    done
done
# Who does not try again hears it.
gives 1 "$PSIM" run "$T/hsm.lua" --no-store -q -p crash=8 -p at=90s -p workload.retries=0
grep -q 'fill of set.* server down' "$T/err" "$T/out" || fail "no program heard of the crash"
[ "$again" -gt 0 ] || fail "no crash met a request to the archive"
gives 1 "$PSIM" run "$T/hsm.lua" --no-store -q -p base=hsm_pfs -p space=512KiB
grep -q 'and nothing can be purged' "$T/err" "$T/out" || fail "nobody says that the disk is too small"

# Each way in which the archive below PFS fails has a sentence of the nodes that have the files, and ends the program's
# request; nothing hangs, also where nobody waits for what the archive does not take.
config err <<'END_OF_CONFIG'
local c = include "hsm_pfs.lua"
local function of(name) for _, s in ipairs(c.machine.os) do if s.service == name then return s end end end
of("storage").volumes, of("storage").capacity = param("volumes", 40), param("capacity", 2000)
of("pvl").patience, of("pvl").retry, of("pvl").dismount_after = "20min", "1min", "30s"
for _, name in ipairs { "storage", "bitfile" } do of(name).records = { cache = 16 } end
for _, s in ipairs(c.machine.os) do if s.files and s.files[1].layer == "hsm" then s.files[1].tries = 3 end end
c.workload.settle = "5min"
local at = param("at", "300s")
local function silo(action) return { { path = "silo", action = action, label = "V000000", as = "X", count = 1000000, at = at } } end
local faults = {
    none = {}, lost = silo "lost", mislabel = silo "mislabel", stick = silo "stick",
    drives = { { path = "n13.0", action = "death", at = at }, { path = "n14.0", action = "death", at = at } },
    arm = { { path = "silo.arm.0", action = "death", at = at } },
    catalogue = { { path = "n2.0", action = "power", at = "301s" }, { path = "node 2", at = "300s", after = "10s" } },
}
for k = 0, 1999 do -- the inodes are there
    table.insert(faults.catalogue, { path = "n2.0", action = "flip", sector = k, byte = 40, at = "305s" })
end
c.machine.faults = faults[param("fault", "none")]
return c
END_OF_CONFIG
err() { # STATUS SENTENCE REQUEST [OPTION]...: so the run ends, and so say the archive and the program
    gives "$1" "$PSIM" run "$T/err.lua" -q --no-store "${@:4}"
    grep -qF -- "hsm: the archive: $2" "$T/err" "$T/out" || { cat "$T/err"; fail "${*:4}: nobody says '$2'"; }
    [ -z "$3" ] || grep -q -- "$3" "$T/err" "$T/out" || { cat "$T/err"; fail "${*:4}: no request ended with '$3'"; }
}
io='rank [01]: read of set0.*: I/O error'
err 1 "no repository has the volume" "$io" -p fault=lost
err 1 "what lies in the volume's place bears another label" "$io" -p fault=mislabel
err 1 "the volume does not come out of where it is" "$io" -p fault=stick
err 1 "no drive and arm that could take the volume works" "$io" -p fault=drives
err 1 "no drive and arm that could take the volume works" "$io" -p fault=arm
err 1 "the catalogue cannot be read" "$io" -p fault=catalogue -p crash=2
err 1 "no volume has room" 'fill of set0.*: no space' -p volumes=2 -p capacity=100
# There is room on the disks for all: the programs need the archive for nothing, and end well.
err 0 "no volume has room" "" -p volumes=1 -p capacity=100 -p space=64MiB
err 0 "no drive and arm that could take the volume works" "" -p space=64MiB -p fault=drives -p at=10s
gives 0 "$PSIM" run "$T/err.lua" -q --no-store -p stage=open -p space=1MiB # a part of a file is as large as the space
# Files of a job's checkpoints go to tape and back until the first of these, and no byte is another, whatever crashes.
job() { # ARCHIVE CRASHES OPTION ...
    archive=$1 crashes=$2
    shift 2
    gives 0 "$PSIM" run hsm_ckpt --no-store --json -q -p archive="$archive" -p crashes="$crashes" "$@"
    made="$(value job.files.mean) $(value job.memory.mean)"
}
job no 0
want=$made
[ "$want" != "0 0" ] || fail "the job made nothing"
job yes 4 -p io=4
[ "$made" = "$want" ] || fail "a job over an archive made $made, not $want"
moves "a job's files"
gives 2 "$PSIM" check hsm_ckpt -p archive=yes -p crashes=0 -p images=io
says "machine.os: pfs_server and file_server both have files on device 0 of node 4, which layer hsm of pfs_server must have alone"
# The space has no room for all files of a job whose checkpoints keep them: no checkpoint can be committed any more, a
# program's write says so, and the job ends (CKPT10); nobody waits for ever, or looks again and again at what cannot go.
for algorithm in sns cl; do
    gives 1 "$PSIM" run hsm_ckpt --no-store -q -p archive=yes -p crashes=0 -p space=512KiB -p algorithm=$algorithm -p limits.time=2000s
    says "no space"
    grep -qF "hsm: no room for" "$T/err" || { cat "$T/err"; fail "nobody says that the disk is too small"; }
done
# What a program said is told where the run is cut short behind it, too.
gives 3 "$PSIM" run hsm_ckpt --no-store -q -p archive=yes -p crashes=0 -p space=512KiB -p limits.time=201.473s
says "no space; then the limit of 201.473 s of simulated time was reached"
