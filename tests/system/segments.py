# segments.py: one script of raw segments, for a TCP that listens at port 5001, and what it answers.
#   python3 segments.py packet INTERFACE PEER OWN HERE    the stack is what others say on that interface (psim's TAP)
#   python3 segments.py tap INTERFACE PEER OWN            the stack is the kernel, at the host's end of that TAP
# The stack has the address PEER, the script OWN.  Its programs are sockets of this process, which listen at port HERE, or at 5001
# of PEER.  Printed is a line for each case: what came, in order, with numbers relative to the first of each side.
import fcntl, os, select, socket, struct, sys, time

PORT, QUIET = 5001, 0.25  # seconds after which nothing more comes
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def address(text):
    return socket.inet_aton(text)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


kind, interface, peer, own = sys.argv[1], sys.argv[2], address(sys.argv[3]), address(sys.argv[4])
station = lambda a: b"\x02\0" + a
if kind == "packet":
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.setsockopt(263, 23, 1)  # not what it sends itself
    wire.bind((interface, 3))
    write, read = wire.send, lambda: wire.recv(2000)
    programs = socket.create_server(("127.0.0.1", int(sys.argv[5])))
else:
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", interface.encode(), 0x1002))
    wire, write, read = tap, lambda frame: os.write(tap, frame), lambda: os.read(tap, 2000)
    programs = socket.create_server((sys.argv[3], PORT))
programs.settimeout(5)


def frame_in(wait):
    """The next segment of TCP for the script within so long, or None; ARP is answered."""
    until = time.monotonic() + wait
    while (left := until - time.monotonic()) > 0:
        if not select.select([wire], [], [], left)[0]:
            continue
        try:
            f = read()
        except OSError:  # the interface is not up yet
            time.sleep(0.01)
            continue
        if f[12:14] == b"\x08\x06" and f[20:22] == b"\0\x01" and f[38:42] == own:
            write(f[6:12] + station(own) + f[12:20] + b"\0\x02" + station(own) + own + f[22:32])
        elif f[12:14] == b"\x08\0" and f[23] == 6 and f[30:34] == own:
            data = f[14:14 + struct.unpack_from(">H", f, 16)[0]][20:]
            assert checksum(own + peer + struct.pack(">HH", 6, len(data)) + data) == 0
            return data
    return None


class Connection:
    ports = 30000

    def __init__(self, port=PORT, iss=4294967200):
        Connection.ports += 1
        self.own, self.port, self.iss, self.irs, self.said, self.program = Connection.ports, port, iss, None, [], None

    def send(self, flags, seq=0, ack=None, data=b"", window=8192, options=b"", bad=False):
        number = 0 if ack is None else (ack + (self.irs or 0)) % 2**32
        head = struct.pack(">HHIIBBHHH", self.own, self.port, (self.iss + seq) % 2**32, number, 80 + 4 * len(options), flags | (ACK if ack is not None else 0), window, 0, 0)
        body = head + options + data
        sum_ = checksum(peer + own + struct.pack(">HH", 6, len(body)) + body) ^ (0x5555 if bad else 0)
        body = body[:16] + struct.pack(">H", sum_) + body[18:]
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 6, 0) + own + peer
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        write(station(peer) + station(own) + b"\x08\0" + ip + body)

    def hear(self, most=1, wait=2.0):
        """So many segments are waited for, of this connection; each is noted, and the last returned."""
        last = None
        while most > 0 and (g := frame_in(wait)):
            source, to, seq, ack, offset, flags, window = struct.unpack_from(">HHIIBBH", g)
            if (source, to) != (self.port, self.own):
                continue
            data = g[(offset >> 4) * 4:]
            if flags & SYN:
                self.irs = seq
            seq = (seq - self.irs) % 2**32 if self.irs is not None else seq
            name = "".join(n for bit, n in ((SYN, "S"), (FIN, "F"), (RST, "R"), (ACK, ".")) if flags & bit)
            text = f"{name} {seq}:{seq + len(data)}" + (f" ack {(ack - self.iss) % 2**32}" if flags & ACK else "")
            self.said.append(text)
            last, most = (flags, seq, len(data)), most - 1
        return last

    def nothing(self):
        before = len(self.said)
        self.hear(9, QUIET)
        if len(self.said) == before:
            self.said.append("nothing")

    def up(self, options=b"\x02\x04\x02\x18"):
        """Opened by the script, which offers segments of 536 bytes; its program has it."""
        self.send(SYN, options=options)
        self.hear()
        self.send(0, 1, 1)
        self.program = programs.accept()[0]
        self.program.settimeout(5)
        self.said = []
        return self

    def reset(self):
        self.send(RST, 100000, 100000)  # whatever comes of it

    def takes(self, n):
        got = b""
        while len(got) < n and (piece := self.program.recv(n - len(got))):
            got += piece
        self.said.append(f"got {got.decode()}")


cases = []


def case(f):
    cases.append(f)
    return f


@case
def syn_to_a_closed_port():
    c = Connection(port=5999)
    c.send(SYN)
    c.hear()
    return c


@case
def ack_to_a_closed_port():
    c = Connection(port=5999)
    c.send(0, 7, 1234567)
    c.hear()
    return c


@case
def data_to_a_closed_port():
    c = Connection(port=5999)
    c.send(PSH, 7, data=b"abc")
    c.hear()
    return c


@case
def rst_to_a_closed_port():
    c = Connection(port=5999)
    c.send(RST, 7)
    c.nothing()
    return c


@case
def ack_to_a_listener():
    c = Connection()
    c.send(0, 7, 1234567)
    c.hear()
    return c


@case
def syn_ack_to_a_listener():
    c = Connection()
    c.send(SYN, 7, 1234567)
    c.hear()
    return c


@case
def fin_and_rst_to_a_listener():
    c = Connection()
    c.send(FIN, 7)
    c.send(RST, 7)
    c.send(0, 7)
    c.nothing()
    return c


@case
def syn_again():
    c = Connection()
    c.send(SYN)
    c.hear()
    c.send(SYN)
    c.hear()
    c.send(RST, 1)
    c.nothing()
    c.send(SYN)  # it listens again
    c.hear()
    c.send(RST, 1)
    return c


@case
def syn_received_and_an_acknowledgement_of_something_else():
    c = Connection()
    c.send(SYN)
    c.hear()
    c.send(0, 1, 77)
    c.hear()
    c.send(RST, 1)
    return c


@case
def syn_received_and_a_bad_sum():
    c = Connection()
    c.send(SYN, bad=True)
    c.nothing()
    return c


@case
def data_in_order_again_and_overlapping():
    c = Connection().up()
    c.send(PSH, 1, 1, b"0123456789")
    c.hear()
    c.takes(10)
    c.send(PSH, 1, 1, b"0123456789")
    c.hear()
    c.send(PSH, 6, 1, b"56789abcde")
    c.hear()
    c.takes(5)
    c.send(PSH, 16, 1, b"x", bad=True)
    c.nothing()
    c.send(PSH, 16, data=b"x")  # without an acknowledgement
    c.nothing()
    return c


@case
def holes():
    c = Connection().up()
    c.send(PSH, 11, 1, b"bbbbbbbbbb")
    c.hear()
    c.send(PSH, 31, 1, b"dddddddddd")
    c.hear()
    c.send(PSH, 1, 1, b"aaaaaaaaaa")
    c.hear()
    c.send(PSH, 15, 1, b"bbbbbbcccccccccc")
    c.hear()
    c.takes(40)
    return c


@case
def before_and_behind_the_window():
    c = Connection().up()
    c.send(PSH, -9, 1, b"old")
    c.hear()
    c.send(PSH, 1000001, 1, b"far")
    c.hear()
    c.send(0, 1000001, 1)
    c.hear()
    c.send(0, 1, 1000)  # acknowledges what was never sent
    c.hear()
    c.send(SYN, -500, 1)
    c.hear()
    c.send(RST, 1000001, 1)
    c.send(RST, -9)
    c.nothing()
    c.program.send(b"still")
    c.hear()
    return c


@case
def rst_at_the_next_number():
    c = Connection().up()
    c.send(RST, 1)
    c.nothing()
    c.send(PSH, 1, 1, b"gone")
    c.hear()
    return c


@case
def rst_in_the_window():
    c = Connection().up()
    c.send(RST, 100)
    c.nothing()
    return c


@case
def syn_in_the_window():
    c = Connection().up()
    c.send(SYN, 100)
    c.nothing()
    return c


@case
def the_script_finishes_first():
    c = Connection().up()
    c.send(FIN, 1, 1)
    c.hear()
    c.program.send(b"answer")
    c.hear()
    c.send(0, 2, 7)
    c.program.close()
    c.hear()
    c.send(0, 2, 8)
    c.nothing()
    c.send(0, 2, 8)
    c.hear()
    return c


@case
def the_program_finishes_first():
    c = Connection().up()
    c.program.shutdown(socket.SHUT_WR)
    c.hear()
    c.send(0, 1, 2)
    c.send(PSH, 1, 2, b"more")
    c.hear()
    c.takes(4)
    c.send(FIN, 5, 2)
    c.hear()
    c.send(FIN, 5, 2)  # in TIME-WAIT
    c.hear()
    return c


@case
def both_finish_at_once():
    c = Connection().up()
    c.program.shutdown(socket.SHUT_WR)
    c.hear()
    c.send(FIN, 1, 1)
    c.hear()
    c.send(0, 2, 2)
    c.nothing()
    c.send(FIN, 1, 2)
    c.hear()
    return c


@case
def fin_behind_a_hole():
    c = Connection().up()
    c.send(FIN | PSH, 5, 1, b"tail")
    c.hear()
    c.send(PSH, 1, 1, b"head")
    c.hear()
    c.takes(8)
    c.program.close()
    c.hear()
    return c


@case
def data_behind_a_fin():
    c = Connection().up()
    c.send(FIN, 1, 1)
    c.hear()
    c.send(PSH, 2, 1, b"late")
    c.nothing()
    return c


@case
def closed_and_not_read():
    c = Connection().up()
    c.send(PSH, 1, 1, b"unread")
    c.hear()
    time.sleep(0.05)
    c.program.close()
    c.hear()
    return c


@case
def segments_as_long_as_was_offered():
    c = Connection().up()
    c.program.send(b"z" * 2000)
    acked = 1
    while acked < 2001 and (g := c.hear()):
        acked = g[1] + g[2]
        c.send(0, 1, acked)
    c.said.append(f"acknowledged {acked}")
    return c


@case
def segments_of_who_offers_none():
    c = Connection().up(options=b"")
    c.program.send(b"z" * 1000)
    acked = 1
    while acked < 1001 and (g := c.hear()):
        acked = g[1] + g[2]
        c.send(0, 1, acked)
    return c


@case
def sent_again():
    c = Connection().up()
    c.program.send(b"again")
    c.hear()
    c.hear()
    c.hear()
    c.send(0, 1, 6)
    c.nothing()
    return c


for f in cases:
    c = f()
    print(f.__name__.replace("_", " ") + ":", "; ".join(c.said), flush=True)
    c.reset()
