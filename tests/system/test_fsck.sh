# psim run --fsck: the nodes' file systems, looked at from outside once all is over: whole ones, planted damage, after a
# crash.
. tests/system/lib.sh
config files <<'EOT'
local paragon = include "machines/paragon.lua"
local faults = { { path = "io0.0", action = param("action", "flip"), at = param("at", "20s"), sector = param("sector", 32),
                   sectors = param("sectors", 1), byte = 40 } }
if param("crash", false) then
    faults[2] = { path = "node 7", action = "crash", at = "120ms" }
    faults[3] = { path = "io0.0", action = "power", at = "121ms" }
end
return {
    machine = paragon { rows = 4, columns = 4, io_nodes = 2, faults = faults,
        storage = { kind = param("kind", "raid3") }, os = { pfs_server = { lfs = { inode = "2KiB" } } } },
    workload = { kind = "pfs", op = "write", nodes = 2, factor = 2, size = "64KiB", requests = 8 },
}
EOT
# Records of 2 KiB are a sector of the array each; block 0 are 32 sectors: the two of inode 0 are sectors 32 and 33.
look() {
    local code=$1
    shift
    gives "$code" "$PSIM" run "$T/files.lua" --no-store --fsck "$@"
    grep -q 'remark: node 15, kernel: device 0: its file system is whole' "$T/err" || fail "nothing is said of node 15: $*"
}
bad() {
    grep -qF "psim: point 1 (seed 1): audit: node 7, kernel: device 0: $1" "$T/err" || { cat "$T/err"; fail "not: $1"; }
    [ "$(grep -cF "remark: node 7, kernel: device 0: $1" "$T/err")" -eq 1 ] || fail "no remark: $1"
}
good() {
    grep -q 'remark: node 7, kernel: device 0: its file system is whole' "$T/err" || { cat "$T/err"; fail "not whole"; }
}
gives 0 "$PSIM" run "$T/files.lua" --no-store --json
digests "$T/out" >"$T/plain"
look 0 --json
digests "$T/out" | cmp - "$T/plain" || fail "looking changed the digest"
good # one of two records that is torn is what a crash may leave
look 1 -p sectors=2
bad "inode 0: neither of its records is whole"
look 1 -p sector=0
bad "the superblock is damaged"
look 1 -p sector=0 -p action=sector
bad "its superblock cannot be read"
look 1 -p action=death
bad "its superblock cannot be read"
look 1 -p kind=raid5 -p sector=128 -p sectors=8
bad "inode 0: neither of its records is whole"
# The node dies while programs write, and never comes back: they say so, and the file system is whole, or is not.
look 1 -p crash=true
good
look 1 -p crash=true -p sector=0
grep -q 'remark: node 7, kernel: device 0: the superblock is damaged' "$T/err" || fail "damage behind a crash is not found"
# Damage that the next record mends is none.
look 0 -p at=50ms -p sectors=2
good
gives 2 "$PSIM" run "$T/files.lua" --no-store -p sectors=70000
says "machine.faults[1].sectors: a flip is of 65536 sectors at most"
# Vesta's store; the first object's two records are sectors 1 and 2.
config stored <<'EOT'
return {
    machine = (include "machines/paragon.lua") { rows = 2, columns = 2, io_nodes = 1, storage = { kind = "raid3" },
        faults = { { path = "io0.0", action = "flip", at = "900s", sector = param("sector", 2), sectors = param("sectors", 1), byte = 40 } },
        os = (include "parts/services.lua").stored { flush_delay = "1000s" } },
    workload = { kind = "checkpoint", system = "files", nodes = 1, bytes = "1MiB", changed = 3, rounds = 1 },
}
EOT
for damage in "2 1 0 whole" "1 2 1 none" "0 1 1 superblock"; do
    read -r sector sectors code what <<<"$damage"
    gives "$code" "$PSIM" run "$T/stored.lua" -q --no-store --fsck -p "sector=$sector" -p "sectors=$sectors"
    case $what in
    whole) text="its store is whole" ;;
    none) text="object 0: no record of it is whole" ;;
    *) text="there is no superblock of a store" ;;
    esac
    grep -qF "remark: node 3, kernel: device 0: $text" "$T/err" || { cat "$T/err"; fail "not: $text"; }
done
# A machine without files, and a bare device: there is nothing to look at.
gives 0 "$PSIM" run hello -q --no-store --fsck
gives 0 "$PSIM" run "$Q" -q --no-store --fsck
