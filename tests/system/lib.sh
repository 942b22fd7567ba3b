# lib.sh: what the system tests share.  Each test runs with the source tree as its folder; $PSIM is
# the command, $T an empty folder of its own.
set -eu
export PSIM_CONFIGS=$PWD/configs

# fail SENTENCE: ends the test.
fail() {
    echo "failed: $*"
    exit 1
}

# needs FILE: without it the test is left out, and counted.
needs() {
    [ -e "$1" ] && return
    echo "there is no $1"
    exit 77
}

# gives CODE COMMAND...: runs it; its exit code must be CODE.  Output goes to $T/out, errors to $T/err.
gives() {
    local want=$1 code=0
    shift
    "$@" >"$T/out" 2>"$T/err" || code=$?
    if [ "$code" -ne "$want" ]; then
        cat "$T/out" "$T/err"
        fail "'$*' gave $code, expected $want"
    fi
}

# says TEXT: the last command's complaint is one line that starts with "psim: " and holds TEXT.
says() {
    grep -qF -- "$1" "$T/err" || { cat "$T/err"; fail "the complaint does not say: $1"; }
    [ "$(grep -c '^psim: ' "$T/err")" -eq 1 ] || { cat "$T/err"; fail "more than one complaint"; }
}

# config NAME: writes standard input to $T/NAME.lua.
config() {
    cat >"$T/$1.lua"
}

# digests FILE: the digests in a --json result, one a line, in order of the points.
digests() {
    sed -nE 's/.*"digest": "([0-9a-f]*)".*/\1/p' "$1"
}

# eventually COMMAND...: true within ten seconds.
eventually() {
    local i
    for i in $(seq 100); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}

# A queue that is quick and expects nothing: $Q, 3 combinations.
Q=$T/queue.lua
config queue <<'END'
return {
    workload = {
        kind = "event_ring",
        load = param("workload.load", 0.5),
        customers = param("customers", 500),
    },
    sweep = { product = { ["workload.load"] = { 0.2, 0.5, 0.8 } } },
}
END
