# A job goes on from the disks of a run that is gone: psim run --save-images, then --images in another process.
. tests/system/lib.sh
run() { gives "$1" "$PSIM" run ckpt_image -q --no-store --json "${@:2}"; }
# scalar NAME: its value in the last run.
scalar() { grep -A 1 "\"$1\": {" "$T/out" | sed -nE 's/.*"value": ([0-9]*).*/\1/p'; }
for kind in raid3 raid5; do
    set -- -p storage=$kind -p compare=true -p compress=true
    run 0 "$@"
    whole=$(scalar job.memory.mean)
    [ "$(scalar job.step.count)" = 12800 ] || fail "$(scalar job.step.count) steps"
    run 3 "$@" -p limits.time=7s --save-images "$T/$kind"
    [ "$(find "$T/$kind" -name '*.img' | wc -l)" -ge 4 ] || fail "no images of $kind"
    run 0 "$@" -p restart=true --images "$T/$kind"
    [ "$(scalar job.memory.mean)" = "$whole" ] || fail "$kind: the memory is $(scalar job.memory.mean), not $whole"
    [ "$(scalar job.step.count)" -lt 12800 ] || fail "$kind: $(scalar job.step.count) of 12800 steps: from the start"
done
# With nothing on the disks it begins.
run 0 "$@" -p restart=true
[ "$(scalar job.memory.mean)" = "$whole" ] || fail "without images: $(scalar job.memory.mean), not $whole"
mkdir "$T/empty"
gives 2 "$PSIM" run ckpt_image -q --no-store --images "$T/empty"
says "has no image of a device of this machine"
gives 2 "$PSIM" run ckpt_image -q --images "$T/raid5"
says "--images needs --no-store"
gives 2 "$PSIM" run "$Q" -q --no-store --save-images "$T/many"
says "images are of one point, but"
