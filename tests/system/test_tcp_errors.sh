# What goes wrong with sockets: each run says the call, 4.4BSD's error and what it means, and has exit code 1.
. tests/system/lib.sh
gives 0 "$PSIM" run tcp_errors -q --no-store
while IFS='|' read -r what sentence; do
    gives 1 "$PSIM" run tcp_errors -q --no-store -p what="$what"
    says "$sentence"
done <<'END'
in_use|node 1, kernel: bind: EADDRINUSE: somebody has that port
no_port|node 0, kernel: connect: EADDRNOTAVAIL: all ports of the host are taken
refused|node 0, kernel: connect: ECONNREFUSED: nobody listens there
no_host|node 0, kernel: connect: ETIMEDOUT: the peer does not answer
reset|node 0, kernel: send: ECONNRESET: the peer has broken off
gone|node 0, kernel: send: ETIMEDOUT: the peer does not answer
END
# The host had all of 4.4BSD's 3,977 ports: both ends count each connection.
gives 1 "$PSIM" run tcp_errors -q --no-store --json -p what=no_port
grep -A1 '"tcp.connects": {' "$T/out" | grep -q '"value": 7954' || fail "not 3,977 connections"
# Each counter of TCP has its sentence in the documentation.
for name in $(sed -n 's/.*"tcp\.\([a-z]*\)": {.*/\1/p' "$T/out"); do
    grep -qE "^\| .*\`$name\`.* \|" docs/models/tcp.md || fail "docs/models/tcp.md does not tell of tcp.$name"
done
