# Tape drives through the command: streams, locates, faults, a shared bus, and what is refused.
. tests/system/lib.sh
C=$T/tape.lua
config tape <<'END'
local devices = {
    dlt = include "tapes/dlt4000.lua", three = { { kind = "tape", count = 3, on = "a" } },
    empty = { kind = "tape", cartridge = "" }, disk = { kind = "disk" },
    raid = { kind = "raid5", member = { kind = "tape" } },
    cache = { kind = "cache", device = { kind = "tape" } },
    alone = { kind = "rait5", members = 1, member = { kind = "tape" } },
    mixed = { kind = "rait3", members = 3, member = { kind = "disk" } },
    narrow = { kind = "rait3", members = 3, member = { kind = "tape", largest = "16B" } },
    step = { kind = "rait5", members = 3, spares = 1, member = include "tapes/dlt4000.lua" },
    short = { kind = "tape", format = { track = "2MB" } },
}
local faults = {
    none = {}, bad = { { path = "dev0", action = "sector", sector = 100, sectors = 8, at = "1ms" } },
    dies = { { path = "dev0", action = "death", at = "20s" } },
    soft = { { path = "dev0", action = "soft", ppm = 20000, at = "0s" } },
    spare = { { path = "dev0.member.1", action = "death", at = "20s" }, { path = "dev0", action = "spare", at = "60s" } },
    member = { { path = "dev0.member.1", action = "death", at = "20s" } },
    power = { { path = "dev0", action = "power", at = "20s" } },
}
return {
    devices = devices[param("of", "dlt")],
    workload = param("disk", false) and { kind = "disk_load" } or
        { kind = "tape_io", mode = param("mode", "read"), requests = param("requests", 2000), block = param("block", "32KiB"),
          faults = faults[param("faults", "none")] },
}
END
shows() {
    grep -qE -- "$1" "$T/out" || { cat "$T/out"; fail "the output does not show: $1"; }
}
gives 0 "$PSIM" run "$C" --no-store; shows '1\.48[0-9] +arm dev0 100'
gives 0 "$PSIM" run "$C" --no-store -p of=three -p mode=write; shows 'bus a 8[0-9] %'
gives 0 "$PSIM" run "$C" --no-store -p faults=bad; shows '8\.000 +arm dev0'
gives 0 "$PSIM" run "$C" --no-store --json -p faults=soft
n=$(awk '$1 == "\"tape.soft_reads\":" { getline; print $2 + 0 }' "$T/out")
[ "$n" -ge 20 ] && [ "$n" -le 65 ] || fail "of 2000 blocks $n were read once more, not some 40"
gives 0 "$PSIM" run "$C" --no-store -p faults=dies; shows '1\.000 +arm dev0'
gives 0 "$PSIM" run "$C" --no-store -p faults=power -p mode=write; shows '1\.000 +arm dev0'
gives 0 "$PSIM" run "$C" --no-store -p of=step -p faults=member; shows '2\.9[67][0-9] +arm dev0.member.[02] 100'
gives 0 "$PSIM" run "$C" --no-store --json -p of=step -p faults=spare
n=$(awk '$1 == "\"rait5.rebuilt\":" { getline; print $2 + 0 }' "$T/out")
[ "$n" -eq 2000 ] || fail "$n blocks of 2000 were written to the spare"
refused() {
    local text=$1
    shift
    gives 2 "$PSIM" run "$C" --no-store "$@"; says "$text"
}
refused "tape_io is for tape drives, and dev0 is a disk" -p of=disk
refused "a tape drive takes the workload tape_io" -p disk=true
refused "a tape drive cannot be a member of an array" -p of=raid
refused "a tape drive cannot be behind a cache" -p of=cache
refused "devices.members: 1 of them are parity" -p of=alone
refused "devices.member: a disk is no tape drive" -p of=mixed
refused "devices.member.largest: a part has a header of 16 bytes" -p of=narrow
refused "workload.mode: dev0 holds nothing that could be read" -p of=empty
refused "devices.early_warning: the whole tape is shorter" -p of=short
refused "workload.block: dev0 takes blocks of at most 262144 bytes" -p block=1MiB
refused "workload.requests: a full tape of dev0 has 630661 blocks" -p requests=1000000
# Files need devices whose sectors can be written in any order.
config files <<'END'
local paragon = include "machines/paragon.lua"
return {
    machine = paragon { rows = 2, columns = 3, io_nodes = 1, storage = { kind = "tape" } },
    workload = { kind = "pfs", op = "write", nodes = 1, requests = 1, factor = 1 },
}
END
C=$T/files.lua
refused "machine.storage: the I/O nodes have no device for files"
