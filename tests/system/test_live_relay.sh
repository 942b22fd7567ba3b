# psim live tcp --relay, both ways, with the programs that people point at a stack: iperf3, curl, nc, socat; what either end finishes or
# resets, the other sees.
. tests/system/live.sh
ip tuntap add dev tap0 mode tap
ip addr add 10.0.0.1/24 dev tap0
# to PORT HERE: connections to 10.0.0.2:PORT are carried to this machine's HERE; from HERE PORT: those to this machine's HERE to 10.0.0.1:PORT.
to() {
    "$PSIM" live tcp "${@:3}" listen "$1" --relay "$2" 2>"$T/relay" &
    host=$!
    answers
}
from() {
    "$PSIM" live tcp "${@:3}" connect 10.0.0.1 "$2" --relay "$1" 2>"$T/relay" &
    host=$!
    eventually listens "$1" || fail "nobody listens at $1"
}
# ended CONNECTIONS REFUSED BROKEN: the relay is stopped; so many there were.  (iperf3 does not read what comes after its time.)
ended() {
    kill $host
    wait $host || { cat "$T/relay"; fail "the relay"; }
    host=
    grep -q "^$1 connections, $2 refused, $3 broken, " "$T/relay" || { cat "$T/relay"; fail "expected $* connections"; }
}
head -c 3000000 /dev/urandom >"$T/some"
mkdir "$T/www"
cp "$T/some" "$T/www/file"

# iperf3: a connection that steers it and four with data; -R: the server sends.
iperf3 -s -p 5201 -D --logfile "$T/iperf3" -I "$T/iperf3.pid"
eventually listens 5201 || fail "iperf3 does not listen"
measured() { # ADDRESS PORT OPTION...: 2 MB come, at 40 Mb/s where nothing else runs
    gives 0 timeout 30 iperf3 -c "$1" -p "$2" -n 2M -b 40M -J "${@:3}"
    python3 -c "import json, sys; sys.exit(json.load(open('$T/out'))['end']['sum_received']['bits_per_second'] < 1e6)" ||
        { cat "$T/out"; fail "iperf3 ${*:3}"; }
}
to 5201 5201
measured 10.0.0.2 5201 -P 4
measured 10.0.0.2 5201 -R
ended 7 0 "[0-9]*"
from 6201 5201
measured 127.0.0.1 6201
measured 127.0.0.1 6201 -P 4 -R
ended 7 0 "[0-9]*"
kill "$(tr -d '\0' <"$T/iperf3.pid")"

# curl and a server of HTTP: what is got is there, byte for byte, four at once.
python3 -m http.server -b 0.0.0.0 -d "$T/www" 8000 >"$T/http" 2>&1 &
http=$!
others="$others $http"
eventually listens 8000 || fail "no server of HTTP"
got() { # ADDRESS: four at once
    local p gets=
    for i in 1 2 3 4; do
        curl -sS --max-time 20 -o "$T/got.$i" "http://$1/file" &
        gets="$gets $!"
    done
    for p in $gets; do wait "$p" || fail "curl $1"; done
    for i in 1 2 3 4; do same "$T/some" "$T/got.$i" || fail "curl $1: other bytes"; done
}
to 8080 127.0.0.1:8000
got 10.0.0.2:8080
gives 0 curl -sS --max-time 20 -o "$T/none" -w '%{http_code}' http://10.0.0.2:8080/nosuch
grep -q 404 "$T/out" || fail "what is not there"
ended 5 0 0
from 8081 8000
got 127.0.0.1:8081
ended 4 0 0

# nc: a half is finished, and the other goes on: sorted is sent what all of it has come.
socat TCP-LISTEN:5100,reuseaddr,fork EXEC:"sha256sum" 2>/dev/null &
others="$others $!"
eventually listens 5100 || fail "socat does not listen"
sum=$(sha256sum <"$T/some")
to 5101 5100
[ "$(timeout 20 nc -N 10.0.0.2 5101 <"$T/some")" = "$sum" ] || fail "nc: a half that is finished"
[ "$(timeout 20 socat -t 20 - TCP:10.0.0.2:5101 <"$T/some")" = "$sum" ] || fail "socat: a half that is finished"
ended 2 0 0
from 5102 5100
[ "$(timeout 20 nc -N 127.0.0.1 5102 <"$T/some")" = "$sum" ] || fail "nc: a half that is finished, from here"
ended 1 0 0

# 64 at once, with words there and back; then half of them are reset by who called, half by who was called.  Nobody is there: a reset.
cat >"$T/many.py" <<'PY'
import select, socket, struct, sys
def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
def is_reset(s):
    try:
        s.settimeout(10)
        return s.recv(1) == b"a reset was expected"
    except ConnectionResetError:
        return True
def expect(what):
    if not what: raise SystemExit("many.py: line %d" % sys._getframe(1).f_lineno)
call, port, number = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])
if not number:
    try:
        expect(is_reset(socket.create_connection(call, 10)))
    except ConnectionResetError:
        pass
    sys.exit(0)
server = socket.create_server(("0.0.0.0", port), backlog=number)
callers = [socket.create_connection(call, 10) for _ in range(number)]
called = [server.accept()[0] for _ in range(number)]
for i, s in enumerate(callers): s.sendall(b"%08d" % i)
order = [int(s.recv(8, socket.MSG_WAITALL)) for s in called]
expect(sorted(order) == list(range(number)))
for i, s in zip(order, called): s.sendall(b"%08d" % -i)
for i, s in enumerate(callers): expect(int(s.recv(8, socket.MSG_WAITALL)) == -i)
for i, s in zip(order, called): reset(s if i % 2 else callers[i])
for i, s in zip(order, called): expect(is_reset(callers[i] if i % 2 else s))
PY
to 5103 5999
gives 0 python3 "$T/many.py" 10.0.0.2 5103 5999 64
gives 0 python3 "$T/many.py" 10.0.0.2 5103 5999 0
ended 65 1 64
from 5104 5998
gives 0 python3 "$T/many.py" 127.0.0.1 5104 5998 64
gives 0 python3 "$T/many.py" 127.0.0.1 5104 5998 0
ended 65 1 64

# A relay that is stopped resets what it carries, on both sides.
cat >"$T/stopped.py" <<'PY'
import os, signal, socket, sys
server = socket.create_server(("0.0.0.0", 5997))
caller = socket.create_connection(("10.0.0.2", 5105), 10)
called = server.accept()[0]
caller.sendall(b"x")
called.recv(1)
os.kill(int(os.environ["RELAY"]), signal.SIGTERM)
for s in caller, called:
    s.settimeout(10)
    try:
        sys.exit(f"a reset was expected, and {s.recv(1)} came")
    except ConnectionResetError:
        pass
PY
to 5105 5997
RELAY=$host gives 0 python3 "$T/stopped.py"
wait $host || fail "a relay that is stopped"
host=

# What cannot be.
gives 2 "$PSIM" live tcp listen 5001 --relay nowhere
says "is no end of this machine"
gives 2 "$PSIM" live tcp listen 5001 --relay 127.0.0.1:0
gives 1 "$PSIM" live tcp connect 10.0.0.1 5201 --relay 8000
says "port 8000 of this machine cannot be had: Address already in use"
