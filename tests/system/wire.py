# wire.py: a wire between two TAPs that loses, doubles, damages, delays and reorders frames, as a seed says.
#   python3 wire.py INTERFACE TAP [NAME=VALUE]...
# What somebody at the other end of the TAP INTERFACE sends goes to the host's end of TAP, and the other way.  Each way the frames
# are counted, and what is done to each follows from the seed and its number alone.  Values: seed; loss, copy, damage, swap:
# probabilities; delay, more: milliseconds, of every frame, and of one that others shall overtake.  SIGTERM ends it; it tells
# how many frames it had each way, and what it did to them.  (kernel without netem; root of a network namespace)
import fcntl, heapq, os, random, select, signal, socket, struct, sys, time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
SOL_PACKET, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 263, 23, 3

says = {"seed": 1, "loss": 0.0, "copy": 0.0, "damage": 0.0, "swap": 0.0, "delay": 1.0, "more": 2.0}
for word in sys.argv[3:]:
    name, value = word.split("=")
    says[name] = float(value) if name in says else sys.exit(f"wire.py: no '{name}'")

host = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
fcntl.ioctl(host, TUNSETIFF, struct.pack("16sH22x", sys.argv[2].encode(), IFF_TAP | IFF_NO_PI))
other = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
other.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
for option in socket.SO_RCVBUF, socket.SO_SNDBUF:
    other.setsockopt(socket.SOL_SOCKET, option, 8 << 20)
other.bind((sys.argv[1], ETH_P_ALL))
other.setblocking(False)


class Way:
    """Frames that go one way."""

    def __init__(self, number, write):
        self.draw = random.Random(int(says["seed"]) * 2 + number)
        self.write = write
        self.did = dict.fromkeys(("frames", "lost", "copied", "damaged", "swapped", "refused"), 0)

    def frame(self, frame, now):
        lost, copied, damaged, swapped, spot = (self.draw.random() for _ in range(5))
        self.did["frames"] += 1
        if lost < says["loss"]:
            self.did["lost"] += 1
            return
        at = now + says["delay"] / 1e3
        # A bit behind the header of Ethernet, of a datagram: ARP has no sum, and would believe it.
        if damaged < says["damage"] and frame[12:14] == b"\x08\x00":
            bit = int(spot * (len(frame) - 14) * 8)
            frame = bytearray(frame)
            frame[14 + bit // 8] ^= 1 << bit % 8
            self.did["damaged"] += 1
        if swapped < says["swap"]:
            at += says["more"] / 1e3
            self.did["swapped"] += 1
        push(at, self, frame)
        if copied < says["copy"]:
            self.did["copied"] += 1
            push(at + says["more"] / 1e3, self, frame)

    def send(self, frame):
        try:
            self.write(frame)
        except OSError:  # nobody is at that end, or it is full: lost
            self.did["refused"] += 1


waiting, pushed = [], 0


def push(at, way, frame):
    global pushed
    pushed += 1
    heapq.heappush(waiting, (at, pushed, way, frame))


def end(*_):
    for name, way in ("in", to_host), ("out", to_other):
        print(name, *(f"{k}={v}" for k, v in way.did.items()), flush=True)
    os._exit(0)


to_host = Way(0, lambda frame: os.write(host, frame))
to_other = Way(1, other.send)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
poll = select.poll()
poll.register(host, select.POLLIN)
poll.register(other, select.POLLIN)
while True:
    left = max(0, waiting[0][0] - time.monotonic()) * 1e3 if waiting else None
    poll.poll(left if left is None else int(left) + (left > int(left)))
    for read, way in (lambda: os.read(host, 65536), to_other), (lambda: other.recv(65536), to_host):
        try:
            for _ in range(64):
                way.frame(read(), time.monotonic())
        except OSError:
            pass  # there are no more
    now = time.monotonic()
    while waiting and waiting[0][0] <= now:
        _, _, way, frame = heapq.heappop(waiting)
        way.send(frame)
