# The largest and the smallest value of any parameter is good, or refused by one sentence.  All of them:
# scripts/soak-extremes.
. tests/system/lib.sh
config drive <<'END2'
return { devices = { { kind = "disk" } }, workload = { kind = "disk_load", requests = 10, first = param("workload.first", 0) } }
END2
gives 0 "$PSIM" run "$T/drive.lua" -q --no-store -p workload.first=0.9999
gives 2 "$PSIM" check "$T/drive.lua" -p workload.first=1
says "workload.first: no request fits behind 1 of"
gives 0 scripts/soak-extremes --sample 2
cat "$T/out"
