# psim live udp: echoes for nc and socat, datagrams to them; of one byte, of a frame, of many fragments; nobody there.
. tests/system/live.sh
ip tuntap add dev tap0 mode tap
ip addr add 10.0.0.1/24 dev tap0
head -c 65507 /dev/urandom >"$T/longest"

"$PSIM" live udp --netstat echo 7 2>"$T/host" &
host=$!
answers
[ "$(echo hello | timeout 10 nc -u -W 1 10.0.0.2 7)" = hello ] || fail "nc: no echo"
for size in 1 1472 1473 65507; do
    head -c $size "$T/longest" >"$T/sent"
    timeout 10 socat -b 65507 -t 5 - UDP:10.0.0.2:7,readbytes=$size <"$T/sent" >"$T/got" || fail "socat"
    same "$T/sent" "$T/got" || fail "socat: an echo of $size bytes"
done
kill $host
wait $host || fail "a host that is stopped"
host=
grep -qx "5 datagrams sent, 5 received" "$T/host" || { cat "$T/host"; fail "5 datagrams"; }
tail -n 7 "$T/host" | tr '\n\t' '  ' | grep -q "udp:  5 datagrams received   0 with bad checksum   0 dropped due to no socket   5 delivered  5 datagrams output" ||
    { cat "$T/host"; fail "netstat"; }

# takes PORT: somebody of this machine does.
takes() { eventually sh -c "ss -Hlun 'sport = $1' | grep -q ." || fail "nobody takes datagrams at $1"; }
for size in 700 65507; do # many, and one that is cut
    socat -b 65507 UDP-LISTEN:5300,reuseaddr PIPE & # it is of who calls first
    others=$!
    takes 5300
    gives 0 timeout 20 "$PSIM" live udp --wait 500 -i 3 -s $size send 10.0.0.1 5300 <"$T/longest"
    same "$T/longest" "$T/out" || fail "datagrams of $size bytes: other answers"
    grep -q "^$(((65507 + size - 1) / size)) datagrams sent, [1-9]" "$T/err" || { cat "$T/err"; fail "datagrams of $size bytes"; }
    kill $others
    wait $others || true
done
# 65,507 bytes in pieces of 1,024 are 64.
timeout 20 nc -u -l -W 64 10.0.0.1 5301 >"$T/got" &
peer=$!
takes 5301
gives 0 timeout 20 "$PSIM" live udp --wait 1 send 10.0.0.1 5301 <"$T/longest"
wait $peer || fail "nc"
same "$T/longest" "$T/got" || fail "nc: other bytes"

gives 1 timeout 20 "$PSIM" live udp send 10.0.0.1 5399 <"$T/longest"
says "nobody takes datagrams at 10.0.0.1, port 5399"
gives 2 "$PSIM" live udp send 10.0.0.1
says "is 'echo PORT' or 'send HOST PORT'"
gives 2 "$PSIM" live udp ehco 7
says "did you mean 'echo'?"
gives 2 "$PSIM" live udp -s 65508 send 10.0.0.1 7
says "a datagram has at most 65507 bytes"
