# Every kind of capture is read by tshark without a complaint: each network, each graph of protocols. What it counts is what
# the run counted: frames, and octets, up to the end of the window, which begins with the run.
. tests/system/lib.sh
command -v tshark >/dev/null || fail "tshark is missing: scripts/setup --test"
FIELDS="frame.time_epoch frame.len frame.encap_type eth.src eth.dst psim.source psim.destination psim_driver.length _ws.malformed _ws.expert.message"
SUMS="_ws.col.Protocol ip.checksum.status icmp.checksum.status udp.checksum.status tcp.checksum.status _ws.malformed _ws.expert.message"
# tells FILE: of each frame a line of these fields; what tshark says beside, but of who runs it, is a complaint.
tells() {
    tshark -X lua_script:scripts/psim.lua -r "$1" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -o tcp.check_checksum:TRUE \
        -T fields -E separator=, $(printf -- '-e %s ' $FIELDS) >"$T/told" 2>"$T/complaints" || { cat "$T/complaints"; fail "tshark -r $1"; }
    ! grep -vE '^(Running as user "root" and group "root"\. This could be dangerous\.)?$' "$T/complaints" || fail "tshark complains of $1"
}
# clean FILE: and no frame is malformed, or remarked upon.
clean() {
    tells "$1"
    ! grep -vE ',,$' "$T/told" || fail "tshark finds fault with $1"
}
value() { sed -n "/\"$1\": {/{n;s/.*\"value\": \([0-9.e+-]*\).*/\1/p}" "$T/out"; }
# agrees NIC FRONT: frames and octets (without FRONT of each, which the file puts before) are the interfaces' in the window.
agrees() {
    local want="$(value "$1.frames_in") $(value "$1.bytes_in")"
    local got=$(awk -F, -v until="$(value window)" -v front="$2" '$1 < until { n++; octets += $2 - front } END { print n + 0 ".0", octets + 0 ".0" }' "$T/told")
    [ "$got" = "$want" ] && [ "$got" != "0.0 0.0" ] || fail "$1: tshark has $got, the run $want"
}

config nets <<'END'
local paragon = include "machines/paragon.lua"
local kind, messages = param("net", "worm"), param("messages", "rdm")
local machine = paragon {
    rows = 2, columns = 2,
    graph = {
        { name = "driver", protocol = "driver", interface = "net" },
        { name = "vdrop", protocol = "vdrop", below = { "driver" }, drop = param("drop", 0.0) },
        { name = "messages", protocol = messages, below = { "vdrop" } },
        { name = "nx", protocol = "nx", below = { "messages" } },
    },
}
machine.network = nil
machine.networks = { net = { kind = kind, nic = { mtu = "1500B", packet_bytes = kind == "sp" and "200B" or "1500B", header_flits = 18 } } }
return { machine = machine, workload = { kind = "pingpong", size = "4kB", partner = 3, rounds = 3, warmup = 0 } }
END
nets() { gives 0 "$PSIM" run "$T/nets.lua" -q --no-store --json --pcap "$T/$1.pcap:.net" -p net="$1" "${@:2}"; }
for net in $("$PSIM" list networks | cut -d' ' -f1); do
    nets "$net"
    clean "$T/$net.pcap"
    case $net in
        ethernet | switched | fddi)
            front=14
            [ "$(cut -d, -f3-7 "$T/told" | sort -u)" = "1,02:00:00:00:00:00,02:00:00:00:00:03,,
1,02:00:00:00:00:03,02:00:00:00:00:00,," ] || fail "$net: $(cut -d, -f3-7 "$T/told" | sort -u)" ;;
        *)
            front=8
            [ "$(cut -d, -f3-7 "$T/told" | sort -u)" = "45,,,0,3
45,,,3,0" ] || fail "$net: $(cut -d, -f3-7 "$T/told" | sort -u)" ;;
    esac
    agrees net.nic $front
    # What the driver says of its length is what is there.
    awk -F, -v front=$front '$8 != $2 - front - 8 { exit 1 }' "$T/told" || fail "$net: lengths of the driver"
done

# Other graphs: messages of ULP, what a layer has lost, calls by BLAST and past it, pages, markers.
nets ethernet -p messages=ulp -p drop=0.05
clean "$T/ethernet.pcap"
agrees net.nic 14
for graph in "rpc_bypass -p graph=bypass" "rpc_bypass -p graph=machine" "svm_lossy" "ckpt_cuts"; do
    gives 0 "$PSIM" run $graph -r 1 -q --no-store --pcap "$T/graph.pcap:"
    clean "$T/graph.pcap"
    [ -s "$T/told" ] || fail "$graph: no frame"
done

# Internet: through a gateway between two networks all sums are right (1; 2 would be: not looked at), of whole datagrams and of
# their fragments. An echo of 4 kB and its answer are 3 frames each, 10 times.
sums() { # FILE PROTOCOL COUNT: how many frames of each protocol there are
    FIELDS=$SUMS clean "$1"
    ! cut -d, -f2-5 "$T/told" | grep '[02-9]' || fail "$1: sums are wrong"
    [ "$(grep -c "^$2," "$T/told")" = "$3" ] || fail "$1: $(cut -d, -f1 "$T/told" | sort | uniq -c)"
    grep -q '^ARP,' "$T/told" || fail "$1: no ARP"
}
internet() { gives 0 "$PSIM" run "${@:2}" -q --no-store --json --pcap "$T/net.pcap:.$1"; }
internet net2 ip_ping -p workload.size=4kB -p first=fddi -p second=ethernet
sums "$T/net.pcap" ICMP 20
[ "$(grep -c '^IPv4,' "$T/told")" = 40 ] || fail "Ethernet: fragments"
internet net1 ip_ping -p workload.size=4kB -p first=atm -p second=switched
sums "$T/net.pcap" ICMP 20
internet net1 ip_gateway -p over=udp -p workload.size=10kB
messages=$(value udp.delivered)
FIELDS=$SUMS tells "$T/net.pcap"
sums "$T/net.pcap" UDP "$(grep -c '^UDP,' "$T/told")"
[ "$(grep -c '^UDP,' "$T/told")" -ge "${messages%.*}" ] || fail "fewer datagrams than the window's $messages"

# TCP, where no segment is lost and where some are: every sum is right, and of the segments on the wire, which are those that were
# sent but for what VDROP has taken before, and of those that came, there are as many as TCP says. The first SYN was pushed
# before the window began.
config tcp <<'END'
local c = include("tcp_" .. param("over", "throughput", { "throughput", "loss" }) .. ".lua")
c.machine.captures = { { file = "out.pcap", direction = "out" }, { file = "in.pcap", direction = "in" } }
return c
END
segments() { # FILE: how many there are in the window
    FIELDS="frame.time_epoch ip.proto ip.checksum.status tcp.checksum.status _ws.malformed" tells "$T/$1.pcap"
    awk -F, -v until="$(value window)" '$2 != 6 { next } $3 $4 $5 != "11" { print "frame " NR " is wrong"; exit }
        $1 < until { n++ } END { print n + 0 ".0" }' "$T/told"
}
stream() {
    gives 0 "$PSIM" run "$T/tcp.lua" -q --no-store --json --output-dir "$T" "$@"
    lost=$(value vdrop.dropped)
    local sent=$(value tcp.sndtotal) out=$(segments out) in=$(segments in)
    [ "$out" = "$((${sent%.*} + 1 - ${lost%.*})).0" ] || fail "$*: tshark has $out segments sent, TCP $sent, $lost of them lost"
    [ "$in" = "$(value tcp.rcvtotal)" ] || fail "$*: tshark has $in segments received, TCP $(value tcp.rcvtotal)"
}
stream -p over=throughput -p window=32KiB -p delay=100us -p workload.bytes=64KiB
[ "$lost" = 0.0 ] || fail "$lost segments are lost"
stream -p over=loss -p loss=0.03 -p recovery=sack -p workload.bytes=256KiB
[ "${lost%.*}" -gt 5 ] || fail "$lost segments are lost"

# Of a capture that keeps the first octets of each frame tshark knows how long they were.
config cut <<'END'
local c = include "nets.lua"
c.machine.captures = { { file = "cut.pcap", snaplen = "60B", direction = "out" } }
return c
END
for net in ethernet worm; do
    gives 0 "$PSIM" run "$T/cut.lua" -q --no-store --json --output-dir "$T" -p net=$net
    clean "$T/cut.pcap"
    agrees net.nic $([ $net = worm ] && echo 8 || echo 14)
done

# The check can fail: an octet of a datagram, a frame that is longer than its header says, one without stations.
damaged() { python3 -c "import sys; d = bytearray(open(sys.argv[1], 'rb').read()); $1; sys.stdout.buffer.write(d)" "$T/worm.pcap" >"$T/damaged.pcap"; tells "$T/damaged.pcap"; grep -q "$2" "$T/told" || fail "not seen: $2"; }
cp "$T/worm.pcap" "$T/first.pcap"; mv "$T/net.pcap" "$T/worm.pcap"
damaged "d[-1] ^= 1" "Bad checksum"
cp "$T/out.pcap" "$T/worm.pcap"
damaged "d[-1] ^= 1" "Bad checksum"
mv "$T/first.pcap" "$T/worm.pcap"
damaged "d[24 + 16 + 8 + 7] ^= 1" "Other octets follow"
damaged "d[32:40] = bytes((0, 0, 0, 4)) * 2; del d[44:]" "The frame has no stations"
