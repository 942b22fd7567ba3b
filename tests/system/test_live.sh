# A live host on a TAP, in a network namespace of the test's own, beside this machine's kernel: echoes
# both ways, fragments, stations asked for both ways, a gateway; TCP with nc and socat; captures as tshark reads them.
. tests/system/live.sh
ip tuntap add dev tap0 mode tap
ip addr add 10.0.0.1/24 dev tap0
ip addr add 10.9.0.1/32 dev lo
live() { timeout 30 "$PSIM" live "$@"; }
# reads CAPTURE ROWS FILTER ARGUMENT...: CAPTURE.pcap as tshark reads it, in ROWS.rows, meanwhile: it takes its time to begin.
# The rows are looked at below.
readers=
reads() {
    local capture=$1 rows=$2 filter=$3
    shift 3
    tshark -r "$T/$capture.pcap" -Y "$filter" -T fields "$@" >"$T/$rows.rows" 2>/dev/null &
    readers="$readers $!"
}
head -c 100000000 /dev/urandom >"$T/big" &
big=$!

# Echoes to the kernel: of none, of a frame, of one byte more, of many fragments, of the longest.  An answer counts
# when tshark finds its sum right, too: a kernel that reckons with differences gives the first, of zeros alone, none.
for size in 0 1 56 1472 1473 8000 65507; do
    wait=3000
    [ $size != 0 ] || wait=500 # which the first takes
    timeout 30 "$PSIM" live ping --pcap "$T/$size.pcap" --wait $wait -i 1 -c 4 -s $size 10.0.0.1 >"$T/$size.out" 2>"$T/err" ||
        [ $size = 0 ] || { cat "$T/$size.out" "$T/err"; fail "echoes of $size bytes"; }
    reads $size $size icmp -o ip.check_checksum:TRUE -e icmp.type -e icmp.checksum.status -e _ws.malformed
done
gives 1 live ping --wait 300 -c 1 10.0.0.9
grep -q 'echo 1 to 10.0.0.9: no answer' "$T/out" || fail "nobody is there, and answers"
gives 1 live ping --wait 300 -c 1 10.9.0.1
grep -q 'no peer\|host' "$T/err" "$T/out" || { cat "$T/out" "$T/err"; fail "there is no way, and nobody says so"; }
gives 0 live ping --gateway 10.0.0.1 -c 1 10.9.0.1

# Echoes of the kernel, while psim's own go the other way; the kernel has to ask for the station, too.
ip neigh flush dev tap0
"$PSIM" live ping --pcap "$T/in.pcap" >"$T/host" 2>&1 &
host=$!
eventually ping -c 1 -W 0.2 10.0.0.2 >/dev/null || fail "no answer to the kernel's echo"
ip neigh show dev tap0 | grep -q '^10.0.0.2 lladdr 02:00:0a:00:00:02 ' || { ip neigh; fail "its station"; }
for size in 0 56 1472 1473 8000 65507; do
    gives 0 ping -q -c 3 -i 0.01 -s $size -W 2 10.0.0.2
    grep -q '3 packets transmitted, 3 received' "$T/out" || { cat "$T/out"; fail "$size bytes"; }
done
kill $host
wait $host || fail "a host that is stopped"
host=
reads in in arp -e arp.opcode -e arp.dst.proto_ipv4
reads 0 first arp -e arp.opcode -e arp.dst.proto_ipv4

# TCP: this machine's as server and as client, with bytes both ways at once; who finishes first differs.
wait $big
head -c 1000001 "$T/big" >"$T/some"
: >"$T/none"
port=5010
for pair in "some some" "some none" "none some" "big big"; do
    read -r ours theirs <<<"$pair"
    timeout 60 socat -t 30 - TCP-LISTEN:$port,bind=10.0.0.1,reuseaddr <"$T/$theirs" >"$T/theirs" &
    peer=$!
    eventually sh -c "ss -ltn | grep -q 10.0.0.1:$port" || fail "socat does not listen"
    "$PSIM" live tcp connect 10.0.0.1 $port <"$T/$ours" >"$T/ours" 2>"$T/err" || { cat "$T/err"; fail "connect: $pair"; }
    wait $peer || fail "socat: $pair"
    same "$T/$ours" "$T/theirs" && same "$T/$theirs" "$T/ours" || fail "connect: $pair: other bytes"
    pcap=$T/tcp.pcap
    [ "$pair" = "some some" ] || pcap=/dev/null
    "$PSIM" live tcp --pcap "$pcap" listen 5001 <"$T/$ours" >"$T/ours" 2>"$T/err" &
    host=$!
    eventually ping -c 1 -W 0.2 10.0.0.2 >/dev/null || fail "no host"
    timeout 60 socat -t 30 - TCP:10.0.0.2:5001 <"$T/$theirs" >"$T/theirs" || fail "socat: $pair"
    wait $host || { cat "$T/err"; fail "listen: $pair"; }
    host=
    same "$T/$ours" "$T/theirs" && same "$T/$theirs" "$T/ours" || fail "listen: $pair: other bytes"
    [ "$pair" != "some some" ] ||
        reads tcp tcp tcp -o tcp.check_checksum:TRUE -e tcp.checksum.status -e _ws.malformed
done
timeout 30 nc -l 10.0.0.1 5003 </dev/null >"$T/theirs" & # which ends when its peer has finished
peer=$!
eventually sh -c 'ss -ltn | grep -q 10.0.0.1:5003' || fail "nc does not listen"
gives 0 live tcp connect 10.0.0.1 5003 <"$T/some"
wait $peer || fail "nc"
same "$T/some" "$T/theirs" || fail "nc: other bytes"
gives 1 live tcp connect 10.0.0.1 5999 </dev/null
says "no connection with 10.0.0.1, port 5999: refused"

# What cannot be.
gives 2 live tcp listen
gives 2 live tcp connect 10.0.0.1
says "is 'listen PORT' or 'connect HOST PORT'"
gives 2 live tcp listen 65536
says "'65536' is no port"
gives 2 live tcp lisen 5000
says "did you mean 'listen'?"
gives 2 live ping --address 10.0.0.2 10.0.0.1
says "'10.0.0.2' is no address of a host with its network's prefix"
gives 2 live ping --address 10.0.0.255/24 10.0.0.1
gives 2 live ping --tap nosuch 10.0.0.1
says "there is no TAP 'nosuch'"
gives 2 live ping --tap a_name_that_is_too_long 10.0.0.1
says "is no name of an interface"
gives 2 setpriv --bounding-set=-all --inh-caps=-all "$PSIM" live ping 10.0.0.1
says "the TAP 'tap0' cannot be had: Operation not permitted"
gives 2 live ping --mtu 60 10.0.0.1
says "an MTU is 68 to"
gives 2 live ping here
says "'here' is no address"
gives 2 live ping -s 65508 10.0.0.1
says "at most 65507 bytes"
gives 2 live pong
says "'psim live' knows no 'pong', did you mean 'ping'?"
gives 2 live ping --gateway 10.5.0.1 10.0.0.1
gives 2 live tcp --set sack=true listen 5001
says "--set 'sack=true' is not like tcp.sack=true"
gives 2 live tcp --set tpc.sack=true listen 5001
says "this host has no 'tpc', did you mean 'tcp'?"
gives 2 live tcp --set tcp.sakc=true listen 5001
says "did you mean 'sack'?"
gives 2 live tcp --set tcp.rto_min=soon listen 5001
gives 2 live tcp --set tcp.below=arp listen 5001
says "that makes another host"
gives 2 live ping --pcap /nowhere/a.pcap 10.0.0.1
"$PSIM" live ping >"$T/host" 2>&1 &
host=$!
eventually ping -c 1 -W 0.2 10.0.0.2 >/dev/null || fail "it does not come back"
gives 2 live ping 10.0.0.1
says "the TAP 'tap0' cannot be had: Device or resource busy"
kill $host
wait $host
host=

# What was on the wire.
for p in $readers; do wait "$p" || fail "tshark"; done
for size in 0 1 56 1472 1473 8000 65507; do
    [ "$(grep -c '^8	1	$' "$T/$size.rows")" = 4 ] || { cat "$T/$size.rows"; fail "$size bytes: 4 echoes with right sums"; }
    answers=$(grep -c '^0	1	$' "$T/$size.rows")
    [ "$answers" -ge 3 ] || { cat "$T/$size.rows"; fail "$size bytes: $answers answers on the wire"; }
    grep -q "^$answers of 4 answered$" "$T/$size.out" || { cat "$T/$size.out"; fail "$size bytes: not $answers answers"; }
    [ "$(grep -c " $size B, " "$T/$size.out")" = "$answers" ] || { cat "$T/$size.out"; fail "answers of $size bytes"; }
done
grep -qx '1	10.0.0.2' "$T/in.rows" || fail "the kernel did not ask"
grep -qx '1	10.0.0.1' "$T/first.rows" || fail "psim did not ask"
sort "$T/tcp.rows" | uniq -c >"$T/sums"
[ "$(awk '$2 == 1 { n = $1 } END { print n + 0 }' "$T/sums")" -gt 1000 ] && [ "$(wc -l <"$T/sums")" = 1 ] ||
    { cat "$T/sums"; fail "a wrong sum of TCP"; }
