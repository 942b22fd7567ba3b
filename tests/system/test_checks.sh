# The checks of the sources fail where there is nothing to look at, and see what they are there for.
. tests/system/lib.sh
# A tree with one file of each kind, and a git that lists what is there, or nothing.
mkdir -p "$T/tree/scripts" "$T/bin"
cp -r scripts/. "$T/tree/scripts"
cat >"$T/bin/git" <<'END'
#!/bin/sh
[ -n "${GIT_ABSENT:-}" ] && exit 127
shift
[ "$1" = -co ] && shift
[ "$1" = --exclude-standard ] && shift
for f in $(find . -type f | sed 's|^\./||'); do
    [ $# -eq 0 ] && echo "$f"
    for p in "$@"; do case "$f" in $p) echo "$f" ;; esac; done
done
exit 0
END
chmod +x "$T/bin/git"
for s in sim/base sim mesh disks os workloads workloads/io workloads/direct models models/live; do
    mkdir -p "$T/tree/$s"
    echo '#include "sim/base/x.h"' >"$T/tree/$s/x.c"
done
sed -i 's|sim/base/x.h|models/x.h|' "$T/tree/models/x.c"
sed -i 's|sim/base/x.h|sim/x.h|' "$T/tree/workloads/direct/x.c"
layers() { PATH="$T/bin:$PATH" "$T/tree/scripts/check-layers"; }
gives 0 layers
for c in 'p = malloc(n);' 'free(p);' 'x = random();'; do
    echo "int f(void) { $c }" >>"$T/tree/os/x.c"
    gives 1 layers
    grep -qF "$c" "$T/out" || fail "check-layers does not see '$c'"
    sed -i '$d' "$T/tree/os/x.c"
done
echo 'int f(void) { port_free(p); my_malloc(n); }' >>"$T/tree/os/x.c"
gives 0 layers
rm "$T/tree/disks/x.c" # nothing to look at in one folder
gives 2 layers

# Recordings of drives are not here: the script that judges by them says so, and judges what it is given.
gives 2 scripts/validate-drives;              grep -q 'usage: ' "$T/err"
gives 2 scripts/validate-drives "$T/none";    grep -q 'none: there is no such folder' "$T/err"
gives 2 scripts/validate-drives "$T/bin";     grep -q 'bin: holds no recording' "$T/err"
[ "$(wc -l <"$T/err")" -eq 1 ] || fail "validate-drives says more than one sentence"
mkdir "$T/disks"
printf 'gap_ms,sector,sectors,op,response_ms\n0,0,8,R,15\n' >"$T/disks/hp_nothing.csv"
gives 2 scripts/validate-drives "$T/disks";   grep -q 'there is no configs/disks/hp_nothing.lua' "$T/err"
rm "$T/disks/hp_nothing.csv"
printf 'gap_ms,sector,sectors,op,response_ms\n' >"$T/disks/hp_c2247a.csv"
gives 2 scripts/validate-drives "$T/disks";   grep -q 'holds no recording with the columns' "$T/err"
printf '%s,%s,8,R,20\n' 0 800000 50 70000 50 900000 50 160000 >>"$T/disks/hp_c2247a.csv"
gives 0 scripts/validate-drives "$T/disks";   grep -Eq '^\| C2247A \| second \| [0-9.]+ %, - \| [0-9.]+, - \|' "$T/out"

export GIT_ABSENT=1
for s in layers configs headers howto tidy invariants prototypes; do
    gives 2 env PATH="$T/bin:$PATH" "$T/tree/scripts/check-$s"
    grep -q 'nothing was checked' "$T/err" || fail "check-$s does not say that it checked nothing"
done
gives 2 env PATH="$T/bin:$PATH" "$T/tree/scripts/lint"
# No check of the sources asks git but through scripts/files.sh.
grep -l 'git ls-files' scripts/check-* scripts/lint | grep -v check-tidy && fail "a check does without scripts/files.sh"
true
