# One script of raw segments for psim's TCP and for this machine's (tests/system/segments.py): they answer the same, but where this
# machine's goes beyond RFC 793: it answers a RST or a SYN inside the window with an acknowledgement [RFC 5961].
. tests/system/live.sh
echo 0 >/proc/sys/net/ipv4/tcp_invalid_ratelimit # it answers each
ip tuntap add dev tap0 mode tap
ip link set tap0 arp off # the script is who psim talks to
ip tuntap add dev tap2 mode tap
ip addr add 10.0.1.1/24 dev tap2
ip link set tap2 address 02:00:0a:00:01:01 up # as the script has it
"$PSIM" live tcp --set tcp.ack_delay=0 --set tcp.rto_min=200ms --set tcp.tick=10ms listen 5001 --relay 7001 2>"$T/relay" &
host=$!
eventually sh -c 'ip link show tap0 | grep -q LOWER_UP' || fail "no host"
timeout 60 python3 tests/system/segments.py tap tap2 10.0.1.1 10.0.1.2 >"$T/theirs" 2>"$T/err" &
theirs=$!
timeout 60 python3 tests/system/segments.py packet tap0 10.0.0.2 10.0.0.1 7001 >"$T/ours" || fail "psim"
wait $theirs || { cat "$T/err"; fail "this machine"; }
cat >"$T/expected" <<'EOF'
-rst in the window: . 1:1 ack 1
-syn in the window: . 1:1 ack 1
+rst in the window: nothing
+syn in the window: R. 1:1 ack 1
EOF
[ "$(wc -l <"$T/ours")" = 25 ] || { cat "$T/ours"; fail "25 cases"; }
diff -U 0 "$T/theirs" "$T/ours" | grep '^[-+][a-z]' >"$T/differs" || true
cmp -s "$T/expected" "$T/differs" || { cat "$T/differs"; fail "other answers than this machine's"; }
