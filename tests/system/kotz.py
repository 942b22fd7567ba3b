"""kotz.py: how long the drives of disk_directed work, by a model of a few lines that shares nothing with psim.

Sixteen HP 97560 [Ruemmler and Wilkes 1994] with 80 blocks of 8 KiB each, in a row or anywhere, in the order of the disk,
one command after the other; the slowest drive ends the transfer.  Prints the rate for each line "OP SCATTERED" of its input
in bytes a second, the mean over many draws.
"""
import math
import random
import sys

DRIVES, BLOCKS, SECTORS, DRAWS = 16, 80, 16, 20
CYLINDERS, HEADS, TRACK, TURN = 1962, 19, 72, 60.0 / 4002
TRACK_SKEW, CYLINDER_SKEW = 8, 18
COMMAND, BUS = 2.2e-3, 10e6


def seek(distance):
    if distance == 0:
        return 0.0
    return (3.24 + 0.4 * math.sqrt(distance) if distance < 384 else 8.00 + 0.008 * distance) * 1e-3


def media(first, sectors):
    """From the first sector to the last; the skews hide the moves from track to track."""
    last = first + sectors - 1
    cylinders = last // (TRACK * HEADS) - first // (TRACK * HEADS)
    tracks = last // TRACK - first // TRACK - cylinders
    return (sectors + tracks * TRACK_SKEW + cylinders * CYLINDER_SKEW) / TRACK * TURN


def drive(rng, op, scattered):
    data = SECTORS * 512 / BUS
    if not scattered:  # one positioning, then the medium streams; reads end with a sector on the bus
        start = rng.randrange(CYLINDERS // 2) * HEADS * TRACK
        return COMMAND + rng.random() * TURN + media(start, BLOCKS * SECTORS)
    total, arm, previous = 0.0, 0, 0.0
    blocks = CYLINDERS * HEADS * TRACK // SECTORS
    for block in sorted(rng.sample(range(blocks), BLOCKS)):
        cylinder = block * SECTORS // (HEADS * TRACK)
        mechanism = seek(cylinder - arm) + rng.random() * TURN + media(block * SECTORS, SECTORS)
        if op == "read":
            total += COMMAND + mechanism + 512 / BUS
        else:  # the next command and its data go to the buffer while the one before is written
            total += max(mechanism, COMMAND + data)
        arm = cylinder
    return total + (COMMAND + data if op == "write" else 0)


def rate(op, scattered):
    rng = random.Random(1)
    slowest = [max(drive(rng, op, scattered) for _ in range(DRIVES)) for _ in range(DRAWS)]
    return DRIVES * BLOCKS * SECTORS * 512 / (sum(slowest) / DRAWS)


for line in sys.stdin:
    op, scattered = line.split()
    print(rate(op, scattered == "true"))
