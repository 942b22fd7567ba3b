# live.sh: what the tests of `psim live` share: a network namespace of their own, with TAPs and programs of this machine.
. tests/system/lib.sh
needs /dev/net/tun
for c in ip ss ping unshare nc socat tshark curl iperf3 python3; do
    command -v $c >/dev/null || fail "$c is missing: scripts/setup --test"
done
if [ -z "${IN_NAMESPACE:-}" ]; then
    if [ "$(id -u)" -eq 0 ]; then own="-n"; else own="-rn"; fi
    IN_NAMESPACE=1 exec unshare $own bash "$0" "$@"
fi
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 # nothing on the wire but what is meant
echo reno >/proc/sys/net/ipv4/tcp_congestion_control # not what the host prefers: it may pace
ip link set lo up
host= wire= others= # processes that end with the test
at_end() { for p in $host $wire $others; do kill "$p" 2>/dev/null || true; done; }
trap at_end EXIT

# same SENT GOT: as cmp, and removes what was got.
same() { cmp "$1" "$2" && rm "$2"; }
# listens PORT: somebody of this machine does.
listens() { ss -Hltn "sport = $1" | grep -q .; }
# answers: psim's host is there.
answers() { eventually ping -c 1 -W 0.2 10.0.0.2 >/dev/null || fail "no host"; }

# syns CAPTURE: address, port and number of each SYN without an acknowledgement, in order.
syns() {
    python3 - "$1" <<'PY'
import struct, sys
data = open(sys.argv[1], "rb").read()
at = 24
while at < len(data):
    length, = struct.unpack_from(">I", data, at + 8)
    frame, at = data[at + 16:at + 16 + length], at + 16 + length
    if frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[47] & 0x12 == 2:
        print(".".join(map(str, frame[26:30])), *struct.unpack_from(">H", frame, 34), *struct.unpack_from(">I", frame, 38))
PY
}

# lossy [NAME=VALUE]...: psim's tap0 and the host's tap1 (10.0.0.1), with a wire of tests/system/wire.py between them; its process is $wire.
lossy() {
    ip link show tap0 >/dev/null 2>&1 || {
        ip tuntap add dev tap0 mode tap
        ip link set tap0 arp off # it is an end of the wire, and no station
        ip tuntap add dev tap1 mode tap
        ip link set tap1 address 02:00:0a:00:00:01 up
        ip addr add 10.0.0.1/24 dev tap1
    }
    python3 tests/system/wire.py tap0 tap1 "$@" >"$T/wire" &
    wire=$!
    eventually grep -q ready "$T/wire" || fail "no wire"
}
# unplug DID...: the wire ends; each way it did something of each kind named.
unplug() {
    kill "$wire"
    wait "$wire" || fail "the wire"
    wire=
    for did in "$@"; do
        [ "$(grep -c " $did=[1-9]" "$T/wire")" = 2 ] || { cat "$T/wire"; fail "a wire on which nothing was $did"; }
    done
}
# exchange SECONDS PORT BYTES PSIM_OPTION...: psim connects to socat of this machine, then socat to psim; the files BYTES.ours and
# BYTES.theirs go both ways at once.
exchange() {
    local limit=$1 port=$2 bytes=$3 peer
    shift 3
    timeout "$limit" socat -t 600 - TCP-LISTEN:"$port",bind=10.0.0.1,reuseaddr <"$bytes.theirs" >"$T/theirs" &
    peer=$!
    eventually listens "$port" || fail "socat does not listen"
    timeout "$limit" "$PSIM" live tcp "$@" connect 10.0.0.1 "$port" <"$bytes.ours" >"$T/ours" 2>"$T/err" ||
        { cat "$T/err"; fail "connect: $*"; }
    wait $peer || fail "socat"
    same "$bytes.ours" "$T/theirs" && same "$bytes.theirs" "$T/ours" || fail "connect: other bytes: $*"
    timeout "$limit" "$PSIM" live tcp "$@" listen "$port" <"$bytes.ours" >"$T/ours" 2>"$T/err" &
    host=$!
    answers
    timeout "$limit" socat -t 600 - TCP:10.0.0.2:"$port" <"$bytes.theirs" >"$T/theirs" || fail "socat"
    wait $host || { cat "$T/err"; fail "listen: $*"; }
    host=
    same "$bytes.ours" "$T/theirs" && same "$bytes.theirs" "$T/ours" || fail "listen: other bytes: $*"
}
