"""check_pcap.py COMMAND FILE...: reads captures by the documented fields of classic pcap (draft-ietf-opsawg-pcap) and of
docs/captures.md, and checks what psim promises of them; prints `frames N octets M`, the first fault ends it.

  read FILE                  the header, every frame's, nothing behind the last; times do not go back
  both SENDER RECEIVER ...   both directions, one file of each station: what a station sent is once at its receiver, later,
                             in the order of each pair, octet by octet
  cut WHOLE CUT              the same frames, each cut at the snaplen of CUT
  chosen WHOLE PART OFFSET MASK VALUE   PART has the frames of WHOLE whose four octets at OFFSET, behind what the file puts
                             before a frame, are VALUE under MASK, and only they
  union ALL PART...          frames of ALL are those of the parts, in order of time
  replayed FILE CSV FACTOR LOOPS GAP BYTES HEADER   packets.csv of workload pcap on an Ethernet (BYTES 0) or a mesh of
                             2-octet flits has the frames, each at its time (FACTOR times as long, GAP ps between loops)
  near ALL OTHER N           the same frames within a nanosecond, but for at most N octets of each
  slow FILE RECEIVER NS      each frame takes NS for each octet on the way, at least
"""
import struct
import sys

ETHERNET, USER0 = 1, 147


class Capture:
    def __init__(self, path):
        with open(path, "rb") as f:
            data = f.read()
        magic, major, minor, zone, accuracy, self.snaplen, self.link = struct.unpack_from(">IHHiIII", data)
        assert (magic, major, minor, zone, accuracy) == (0xA1B23C4D, 2, 4, 0, 0), f"{path}: no header of pcap"
        assert self.link in (ETHERNET, USER0) and 0 < self.snaplen <= 262144, f"{path}: {self.link} {self.snaplen}"
        self.frames, at, before = [], 24, 0
        while at < len(data):
            assert at + 16 <= len(data), f"{path}: offset {at}: a header is cut"
            sec, nsec, kept, length = struct.unpack_from(">IIII", data, at)
            at += 16
            assert nsec < 10**9 and kept == min(length, self.snaplen), f"{path}: offset {at}: {nsec} {kept} {length}"
            assert at + kept <= len(data), f"{path}: offset {at}: a frame is cut"
            when = sec * 10**9 + nsec
            assert when >= before, f"{path}: offset {at}: time goes back"
            before = when
            self.frames.append((when, length, data[at : at + kept]))
            at += kept

    def ends(self, octets):
        """(source, destination) as stations; 2**32-1: all."""
        if self.link == USER0:
            return struct.unpack_from(">II", octets)
        to, source, kind = octets[:6], octets[6:12], octets[12:14]
        assert kind == b"\x88\xb5" and source[:2] == b"\x02\x00", octets[:14]
        assert to[:2] == b"\x02\x00" or to == b"\xff" * 6, octets[:14]
        return struct.unpack(">I", source[2:])[0], struct.unpack(">I", to[2:])[0]

    def front(self):
        return 8 if self.link == USER0 else 14


def both(captures, stations):
    sent, got = {}, {}
    for c, me in zip(captures, stations):
        for when, length, octets in c.frames:
            source, to = c.ends(octets)
            assert source == me or to in (me, 2**32 - 1), f"station {me} saw a frame from {source} to {to}"
            (sent if source == me else got).setdefault((source, to), []).append((when, length, octets))
    assert sent and set(sent) == set(got), f"{sorted(sent)} sent, {sorted(got)} received"
    for pair, out in sent.items():
        assert [f[1:] for f in out] == [f[1:] for f in got[pair]], f"{pair}: other frames came than left"
        assert all(b[0] > a[0] for a, b in zip(out, got[pair])), f"{pair}: a frame came before it left"
    return sent, got


def flits(whole, length, most, header):
    if most == 0:
        return [max(64, length + 4 + (0 if whole.link == ETHERNET else 6))]
    left, out = length - (0 if whole.link == ETHERNET else 8), []
    while left > most:
        out.append(header + (most + 1) // 2)
        left -= most
    return out + [header + (left + 1) // 2]


def replayed(whole, csv, factor, loops, gap, most, header):
    start, end, want = whole.frames[0][0], whole.frames[-1][0], []
    for loop in range(loops):
        for when, length, octets in whole.frames:
            at = loop * ((end - start) * 1000 * factor + gap) + (when - start) * 1000 * factor
            want += [(at, *whole.ends(octets), n) for n in flits(whole, length, most, header)]
    with open(csv, encoding="ascii") as f:
        lines = [[int(x) for x in line.split(",")] for line in f.read().splitlines()[1:]]
    got = [(created, source, to, n) for source, to, n, created, *_ in lines]
    assert sorted(got) == sorted(want), f"{len(got)} packets, {len(want)} were to be: {sorted(set(want) ^ set(got))[:2]}"


def main(command, *args):
    if command == "read":
        whole = Capture(args[0])
    elif command in ("both", "slow"):
        captures = [Capture(a) for a in args[:2]]
        stations = [int(a) for a in args[2:4]]
        sent, got = both(captures, stations)
        whole = captures[0]
        if command == "slow":
            for pair, out in sent.items():
                for a, b in zip(out, got[pair]):
                    assert b[0] - a[0] >= int(args[4]) * a[1], f"{pair}: {a[1]} octets in {b[0] - a[0]} ns"
    elif command == "cut":
        whole, part = Capture(args[0]), Capture(args[1])
        assert any(len(f[2]) < f[1] for f in part.frames), "nothing is cut"
        cut = [(when, length, octets[: part.snaplen]) for when, length, octets in whole.frames]
        assert cut == part.frames, "other frames than those of the whole, cut"
    elif command == "chosen":
        whole, part = Capture(args[0]), Capture(args[1])
        offset, mask, value = (int(a, 0) for a in args[2:5])
        at = whole.front() + offset
        want = [f for f in whole.frames if len(f[2]) >= at + 4 and struct.unpack_from(">I", f[2], at)[0] & mask == value]
        assert 0 < len(want) < len(whole.frames), "the filter tells nothing apart"
        assert want == part.frames, f"{len(part.frames)} frames, not {len(want)}"
    elif command == "near":
        whole, other = Capture(args[0]), Capture(args[1])
        assert len(whole.frames) == len(other.frames), f"{len(whole.frames)} and {len(other.frames)} frames"
        for a, b in zip(whole.frames, other.frames):
            assert abs(a[0] - b[0]) <= 1 and a[1] == b[1], f"{a[:2]} and {b[:2]}"
            assert sum(x != y for x, y in zip(a[2], b[2])) <= int(args[2]), f"the frame at {a[0]}"
    elif command == "replayed":
        whole = Capture(args[0])
        replayed(whole, args[1], *(int(a) for a in args[2:7]))
    elif command == "union":
        whole = Capture(args[0])
        parts = [f for a in args[1:] for f in Capture(a).frames]
        assert sorted(parts) == sorted(whole.frames), f"{len(whole.frames)} frames, the parts have {len(parts)}"
    else:
        raise SystemExit(__doc__)
    assert whole.frames, "no frame"
    print("frames", len(whole.frames), "octets", sum(f[1] - whole.front() for f in whole.frames))


if __name__ == "__main__":
    main(*sys.argv[1:])
