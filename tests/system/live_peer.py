# live_peer.py: this machine's side of a connection with psim (test_live_ends.sh): what its TCP can be made to do.
#   python3 live_peer.py WHAT PORT SENT GOT     SENT: a file that goes to psim; GOT: a file with what came, in the end
# It listens at 10.0.0.1:PORT, and says so, or it calls 10.0.0.2:PORT.
import socket, struct, sys, threading, time

what, port, sent, got = sys.argv[1], int(sys.argv[2]), open(sys.argv[3], "rb").read(), sys.argv[4]
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_SEND_QUEUE = 19, 20, 21, 2
WRAPS = 4294967000  # numbers come round after so few bytes


def accepted(buffer=0):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    s.bind(("10.0.0.1", port))
    s.listen()
    print("listens", flush=True)
    return s.accept()[0]


def take(s):
    with open(got, "wb") as f:
        while piece := s.recv(65536):
            f.write(piece)


def both(s):
    """Both ways at once."""
    t = threading.Thread(target=take, args=(s,))
    t.start()
    s.sendall(sent)
    s.shutdown(socket.SHUT_WR)
    t.join()


def answers_after_the_end(s):
    take(s)
    s.sendall(sent)
    s.close()


def ends_first(s):
    s.sendall(sent)
    s.shutdown(socket.SHUT_WR)
    take(s)


def leaves_unread(s):
    s.recv(1, socket.MSG_PEEK)
    s.close()


def lingers_not(s):
    s.recv(1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def is_reset(s):
    try:
        take(s)
        s.sendall(sent)
        sys.exit("a reset was expected")
    except (ConnectionResetError, BrokenPipeError):
        open(got, "w").write("reset")


def reads_later(s):
    time.sleep(1)
    both(s)


def stays(s):
    s.recv(1)
    print("stays", flush=True)
    s.settimeout(30)
    try:
        while s.recv(65536):
            pass
        sys.exit("a reset was expected")
    except ConnectionResetError:
        pass


def calls_near_the_end_of_numbers():
    s = socket.socket()
    for option, value in (TCP_REPAIR, 1), (TCP_REPAIR_QUEUE, TCP_SEND_QUEUE), (TCP_QUEUE_SEQ, WRAPS), (TCP_REPAIR, 0):
        s.setsockopt(socket.IPPROTO_TCP, option, value if value < 2**31 else value - 2**32)
    s.connect(("10.0.0.2", port))
    both(s)


def calls_at_once():
    """Its SYN leaves while psim's is on a long wire."""
    ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
    ear.bind(("tap0", 0x800))
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("10.0.0.1", port))
    print("listens", flush=True)
    while True:
        try:
            frame = ear.recv(2000)
        except OSError:  # tap0 is not up yet
            continue
        if frame[23] == 6 and frame[47] & 0x12 == 2 and frame[26:30] == bytes((10, 0, 0, 2)):
            break
    s.connect(("10.0.0.2", struct.unpack(">H", frame[34:36])[0]))
    both(s)


if what.startswith("calls"):
    globals()[what]()
else:
    globals()[what](accepted(4096 if what == "reads_later" else 0))
