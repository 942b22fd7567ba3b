# What lru must miss stands in the configuration as its oracle computes it, and every policy misses what the figure expects.
. tests/system/lib.sh
scripts/stack-distance --check || fail "the stack distances are not those of the configuration"
gives 0 "$PSIM" run cache_policies -q --no-store
[ "$(grep -c '^as expected: .*misses of lru' "$T/out")" -eq 25 ] || fail "not all sizes of lru were looked at"
# The same store of blocks, of other owners.
for owner in lfs vesta_store; do
    gives 0 "$PSIM" run cache_policies -q --no-store -p owner=$owner -p policy='{lru, 2q}'
    [ "$(grep -c '^as expected: .*misses of lru' "$T/out")" -eq 25 ] || fail "$owner: not all sizes of lru were looked at"
done
gives 2 "$PSIM" check cache_policies -p workload.shape.hot=5000 -p pattern=walk
says "hot is 5000: not fewer than the 2032 places"
# A loop of 40 blocks over a cache of 32 at the I/O node, ten times: all is missed, or, where the program says by a hint that what
# it used last may go first, all once and then 8 a turn.  The hint gets there by each system.
config hints <<'END'
local paragon = include "machines/paragon.lua"
local files = { { layer = "cache", bytes = "256KiB", block = "8KiB", policy = "application", read_ahead = "none" },
                { layer = "lfs", block = "8KiB" } }
local system = param("workload.system", "pfs")
local os = { pfs = { pfs_server = { files = files } },
             vesta = { { service = "nx" }, { service = "vesta_server", files = files }, { service = "vesta_client" } },
             files = { { service = "nx" }, { service = "file_server", files = files },
                       { service = "file_client", files = { { layer = "remote", group = "io" } } } } }
return {
    title = "Hints at the cache of an I/O node",
    machine = paragon { rows = 2, columns = 3, io_nodes = 1, storage = { kind = "disk" }, os = os[system] },
    workload = { kind = "io", system = system, op = "read", nodes = 1, size = "8KiB", unit = "8KiB", requests = 400, warmup = 0,
                 span = 40, work = true, hint = param("workload.hint", "normal") },
    sweep = { product = { ["workload.hint"] = { "normal", "mru" } } },
    expectations = {
        { measure = "cache.misses", at = { ["workload.hint"] = "normal" }, equals = 400, within = 0 },
        { measure = "cache.misses", at = { ["workload.hint"] = "mru" }, equals = 40 + 9 * 8, within = 0 },
    },
}
END
for system in pfs vesta files; do
    gives 0 "$PSIM" run "$T/hints.lua" -q --no-store -p workload.system=$system
    [ "$(grep -c '^as expected' "$T/out")" -eq 2 ] || fail "$system: not both were looked at"
done
# A cache of an I/O node with `on_close` hears that programs close files of PFS: it writes more, and at other moments.
config closing <<'END'
local files = { { layer = "cache", bytes = "64MiB", block = "8KiB", dirty_fraction = 0.9, on_close = param("on_close", false) },
                { layer = "lfs", block = "8KiB" } }
return {
    title = "Files that are closed",
    machine = include("machines/paragon.lua") {
        rows = 2, columns = 3, io_nodes = 1, storage = { kind = "disk" }, os = { pfs_server = { files = files } } },
    workload = { kind = "charisma", system = "pfs", nodes = 2 },
    sweep = { product = { on_close = { false, true } } },
    expectations = { { kind = "ratio", name = "written, told of closes", measure = "cache.written", at = { on_close = true },
                       over = { on_close = false }, min = 1.0001 } },
}
END
gives 0 "$PSIM" run "$T/closing.lua" -q --no-store
