# What is typed wrongly is answered by one sentence and exit code 2.
. tests/system/lib.sh
gives 2 "$PSIM";                               says "which command?"
gives 2 "$PSIM" rnu x;                         says "did you mean 'run'?"
gives 2 "$PSIM" xyzzy;                         says "'psim --help' lists them"
gives 2 "$PSIM" run;                           says "needs CONFIG"
gives 2 "$PSIM" run "$Q" extra;               says "nothing more, found 'extra'"
gives 2 "$PSIM" run "$Q" --sede 4;            says "did you mean '--seed'?"
gives 2 "$PSIM" run "$Q" --seed;              says "needs its value N"
gives 2 "$PSIM" run "$Q" --seed -4;           says "expected a whole number"
gives 2 "$PSIM" run "$Q" -j 0;                says "from 1 to 1000000"
gives 2 "$PSIM" run "$Q" --json=1;            says "takes no value"
gives 2 "$PSIM" run "$Q" -p;                  says "needs its value PATH=VALUE"
gives 2 "$PSIM" run "$Q" -p load;             says "write -p path=value"
gives 2 "$PSIM" list disk_drives;              says "knows no 'disk_drives'"
gives 0 "$PSIM" --version;                     grep -qE '^psim [0-9]+\.[0-9]+\.[0-9]+$' "$T/out"
gives 0 "$PSIM" --help;                        grep -q '^  run ' "$T/out"
gives 0 "$PSIM" run --help;                    grep -q -- '--resume' "$T/out"
gives 0 "$PSIM" list configs;                  grep -q 'queue.lua' "$T/out"
gives 0 "$PSIM" list parameters;               grep -q 'limits.host_time' "$T/out"
gives 0 "$PSIM" list parameters --markdown;    grep -q '^| `limits.host_time` | time | 30min |' "$T/out"

# SimGrid lies in a file beside the program, which only simulated threads need.
cp "$PSIM" "$T/psim"
gives 0 "$T/psim" check hello
gives 0 "$T/psim" run "$Q" --no-store
gives 2 "$T/psim" run hello --no-store -p workload.size=0B -p workload.partner=1 -p machine.prices.scale=0
says "what runs simulated threads cannot be loaded"
