# How connections of psim and this machine begin and end: halves, resets, closed windows, numbers that come round, nobody there,
# a peer that has gone, both calling at once; what psim counted of it.
. tests/system/live.sh
ip tuntap add dev tap0 mode tap
ip addr add 10.0.0.1/24 dev tap0
head -c 1000001 /dev/urandom >"$T/ours"
head -c 700001 /dev/urandom >"$T/theirs"
: >"$T/none"
port=6000
# peer WHAT SENT: this machine's side, at the next port (tests/system/live_peer.py).
peer() {
    port=$((port + 1))
    rm -f "$T/peer.says"
    python3 tests/system/live_peer.py "$1" $port "$2" "$T/peer.got" >"$T/peer.says" 2>&1 &
    peer=$!
    others="$others $peer"
    case $1 in calls_near*) ;; *) eventually grep -qs listens "$T/peer.says" || fail "no peer" ;; esac
}
peer_is_done() { wait $peer || { cat "$T/peer.says"; fail "the peer"; }; }
# psim CODE OPTION...: standard input to the peer; what comes is in $T/got.
psim() {
    local code=0
    timeout 60 "$PSIM" live tcp --netstat "${@:2}" connect 10.0.0.1 $port >"$T/got" 2>"$T/err" || code=$?
    [ $code = "$1" ] || { cat "$T/err"; fail "psim gave $code, expected $1"; }
}
# counted NUMBER WORDS: as netstat -s says it.
counted() { grep -qE "^	+$1 $2\$" "$T/err" || { cat "$T/err"; fail "not counted: $1 $2"; }; }

# A half that is finished, and the other goes on; either first.
peer answers_after_the_end "$T/theirs"
psim 0 <"$T/ours"
peer_is_done
same "$T/ours" "$T/peer.got" && same "$T/theirs" "$T/got" || fail "psim finished first: other bytes"
counted 1 "connection request"
counted 1 "connection established \(including accepts\)"
peer ends_first "$T/theirs"
{ sleep 0.3; cat "$T/ours"; } | psim 0
peer_is_done
same "$T/ours" "$T/peer.got" && same "$T/theirs" "$T/got" || fail "the peer finished first: other bytes"
counted "[1-9][0-9]*" "packets? \(700001 bytes\) received in-sequence"

# Resets: of who closes and has not read, of who does not linger; of psim, whose output nobody takes.
for what in leaves_unread lingers_not; do
    peer $what "$T/none"
    { cat "$T/ours"; sleep 1; } | psim 1
    grep -q "the connection broke: reset$" "$T/err" || { cat "$T/err"; fail "$what: a reset"; }
    peer_is_done
    counted 1 "connection closed \(including 1 drop\)"
done
peer is_reset "$T/theirs"
timeout 30 "$PSIM" live tcp --netstat connect 10.0.0.1 $port </dev/null 2>"$T/err" | head -c 10 >/dev/null || true
peer_is_done
counted 1 "resets? sent"

peer stays "$T/none"
"$PSIM" live tcp connect 10.0.0.1 $port < <(head -c 10 "$T/ours"; sleep 5) >"$T/got" 2>"$T/err" &
host=$!
eventually grep -q stays "$T/peer.says" || fail "no connection"
kill $host
wait $host || fail "a command that is stopped"
host=
peer_is_done

# Windows that close: a peer that reads a second later, and a psim whose output is read a second later.
peer reads_later "$T/none"
psim 0 --set tcp.persist_min=100ms --set tcp.rto_min=100ms --set tcp.tick=10ms <"$T/ours"
peer_is_done
same "$T/ours" "$T/peer.got" || fail "a window that closes: other bytes"
counted "[1-9]" "persist timeouts?"
counted "[1-9]" "window probe packets?"
peer ends_first "$T/theirs"
timeout 60 "$PSIM" live tcp --netstat connect 10.0.0.1 $port <"$T/none" 2>"$T/err" | { sleep 1; cat; } >"$T/got"
peer_is_done
same "$T/theirs" "$T/got" || fail "a window of ours that closes: other bytes"
counted "[1-9][0-9]*" "window update packets?"

# Numbers that come round, both sides' within the first kilobyte; of either caller.
"$PSIM" live tcp --set tcp.isn=4294967000 listen 6100 <"$T/ours" >"$T/got" 2>"$T/err" &
host=$!
answers
port=6099
peer calls_near_the_end_of_numbers "$T/theirs"
peer_is_done
wait $host || { cat "$T/err"; fail "numbers that come round"; }
host=
same "$T/ours" "$T/peer.got" && same "$T/theirs" "$T/got" || fail "numbers that come round: other bytes"

# Two that run one after another call from another port, with another number; of one seed from the same port.
for run in 1 2 3 4; do
    seed=
    [ $run -le 2 ] || seed="--seed 9"
    # shellcheck disable=SC2086  # words on purpose
    gives 1 timeout 30 "$PSIM" live tcp --pcap "$T/syn.pcap" $seed connect 10.0.0.1 5999 </dev/null
    syns "$T/syn.pcap" >"$T/syn.$run"
    [ "$(wc -l <"$T/syn.$run")" = 1 ] || { cat "$T/syn.$run"; fail "one SYN was expected"; }
done
read -r _ port1 number1 <"$T/syn.1"
read -r _ port2 number2 <"$T/syn.2"
[ "$port1" != "$port2" ] && [ "$number1" != "$number2" ] || { cat "$T"/syn.[12]; fail "the same again"; }
[ "$(cut -d ' ' -f 2 "$T/syn.3")" = "$(cut -d ' ' -f 2 "$T/syn.4")" ] || fail "of one seed, and other ports"

# Nobody is at that port, or at that address; and a peer that was there, and is not any more.
gives 1 timeout 30 "$PSIM" live tcp --netstat connect 10.0.0.1 5999 </dev/null
grep -q "no connection with 10.0.0.1, port 5999: refused" "$T/err" || { cat "$T/err"; fail "refused"; }
counted 1 "embryonic connection dropped"
gives 1 timeout 30 "$PSIM" live tcp --set tcp.connect_time=300ms --set tcp.rto_first=100ms connect 10.0.0.77 80 </dev/null
grep -q "no connection with 10.0.0.77, port 80: unreachable" "$T/err" || { cat "$T/err"; fail "nobody at that address"; }
peer stays "$T/none"
{ head -c 1000 "$T/ours"; eventually grep -q stays "$T/peer.says"; ip link set tap0 down; cat "$T/ours"; } |
    psim 1 --set tcp.rto_min=50ms --set tcp.tick=1ms --set tcp.tries=3
grep -q "the connection broke: unreachable" "$T/err" || { cat "$T/err"; fail "a peer that has gone"; }
counted 1 "connection dropped by rexmit timeout"
kill $peer
ip tuntap del dev tap0 mode tap

# Both call at once: the wire is long, and their SYN cross on it.
head -c 20000 "$T/ours" >"$T/ours.few"
head -c 30000 "$T/theirs" >"$T/theirs.few"
lossy delay=40
peer calls_at_once "$T/theirs.few"
psim 0 --pcap "$T/once.pcap" <"$T/ours.few"
peer_is_done
same "$T/ours.few" "$T/peer.got" && same "$T/theirs.few" "$T/got" || fail "both called: other bytes"
syns "$T/once.pcap" >"$T/syns"
[ "$(cut -d ' ' -f 1 "$T/syns" | tr '\n' ' ')" = "10.0.0.2 10.0.0.1 " ] || { cat "$T/syns"; fail "their SYN did not cross"; }
tshark -r "$T/once.pcap" -o tcp.check_checksum:TRUE -T fields -e tcp.checksum.status -e _ws.malformed 2>/dev/null >"$T/sums"
[ "$(grep -c '^1	$' "$T/sums")" -gt 30 ] && ! grep -q '^[02]\|	.' "$T/sums" || { sort "$T/sums" | uniq -c; fail "a wrong sum"; }
