# What goes wrong with checkpoints is said by a sentence, and the last one that is good stays: each through psim run.
. tests/system/lib.sh
config errors <<'END'
local paragon = include "machines/paragon.lua"
local graphs = include "parts/graphs.lua"
local services = include "parts/services.lua"
local dies, at, after = param("dies", -1), param("at", "1500ms"), param("after", "0s")
local faults = {}
if dies >= 0 then
  faults[1] = { path = "node " .. dies, at = at, after = after ~= "0s" and after or nil }
end
return {
  title = "What goes wrong with checkpoints",
  machine = paragon {
    rows = 2, columns = 4, io_nodes = 2, storage = { kind = "disk" }, faults = faults,
    detector_delay = "10ms", graph = graphs.cuts,
    os = services.list(services.kept {
      file_server = { files = { { layer = "lfs", files = 64 } } }, pfs_server = { lfs = { files = 64 } },
    }, services.checkpoints {
      interval = param("interval", "300ms"), policy = "copy", sink = param("sink", "file"),
      room = param("room", "0B"), limit = param("limit", "1h"), give_up = param("give_up", "1h"),
      jobs = param("jobs", 1), quantum = "400ms", restart = param("restart", false),
      algorithm = param("algorithm", "sns"),
    }),
  },
  workload = {
    kind = "job", program = "random", nodes = 4, memory = "16KiB", steps = param("steps", 300),
    dirty = 2, think = param("think", "10ms"),
  },
  measures = { "job.memory.mean", "job.step.count", "ckpt.committed", "ckpt.restarts" },
}
END
run() { gives "$1" "$PSIM" run "$T/errors.lua" --no-store "${@:2}"; }
# column N: of the last run.
column() { sed -n 4p "$T/out" | awk "{ print \$$1 }" | sed "s/\\.0*$//"; }
# remarks TEXT: the last run's remarks hold it.
remarks() { grep -qF -- "$1" "$T/out" "$T/err" || { cat "$T/out" "$T/err"; fail "no remark: $1"; }; }
# same WHAT: the memory is that of a run in which nothing happens.
same() { [ "$(column 1)" = "$whole" ] || fail "$1: the memory is $(column 1), not $whole"; }

run 0
whole=$(column 1)
[ "$(column 3)" -ge 4 ] || fail "$(column 3) ranks have learnt of a checkpoint"

# A sink that has no room: the job goes on, and from its beginning after a crash.
run 0 -p sink=memory -p room=40KiB -p dies=1 -p after=20ms
remarks "is not committed: the sink is full"
same "a full sink"

# A sink that has died for good: what was committed stays, and the job goes on without more.
run 0 -p dies=3
remarks "is not committed: the sink gives an error"
same "a dead sink"

# One that dies, and comes back: the checkpoint before is there for the crash of a rank.
run 0 -p dies=0 -p after=20ms
[ "$(column 4)" -ge 4 ] || fail "$(column 4) ranks were entered again"
same "a crash"

# No answer within the limit at a restart.
run 1 -p dies=0 -p after=20ms -p limit=10ms
says "the job cannot go on: node"

# No safe point within the limit.
run 0 -p sink=memory -p think=400ms -p steps=4 -p limit=100ms
remarks "is abandoned after 0.1 s: rank"

# Fewer nodes than ranks.
run 1 -p dies=1 -p give_up=500ms
says "the job has 4 ranks and only 3 nodes are left that may have one"

# Two jobs that take turns, and a crash.
run 0 -p jobs=2 -p sink=memory -p interval=100ms -p dies=1 -p after=20ms
[ "$(column 4)" -ge 8 ] || fail "$(column 4) ranks were entered again"

# A checkpoint of which one byte has turned over: the one before it.
run 0 -p steps=400
whole=$(column 1)
run 3 -p steps=400 -p limits.time=3s -p sink=file --save-images "$T/disks"
run 0 -p steps=400 -p restart=true --images "$T/disks"
same "whole images"
steps=$(column 2)
python3 - "$T/disks" <<'END'
import glob, struct, sys
found = []
for name in sorted(glob.glob(sys.argv[1] + "/*.img")):
    data = open(name, "rb").read()
    at = data.find(b"ckpt")
    while at >= 0:
        if at % 512 == 0:
            found.append((struct.unpack(">I", data[at + 8:at + 12])[0], name, at))
        at = data.find(b"ckpt", at + 1)
generation, name, at = max(found)
with open(name, "r+b") as f:
    f.seek(at + 24)
    byte = f.read(8)[7]
    f.seek(at + 31)
    f.write(bytes([byte ^ 1]))
END
run 0 -p steps=400 -p restart=true --images "$T/disks"
remarks "is damaged: the one before is used"
same "a damaged checkpoint"
[ "$(column 2)" -gt "$steps" ] || fail "$(column 2) steps, not more than $steps"
