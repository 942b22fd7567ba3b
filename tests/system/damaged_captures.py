#!/usr/bin/env python3
"""Captures that are damaged anyhow, as traffic of a bare network and into nodes of a machine: `psim run` ends with 0, or
with 2 and one sentence that names the file; whatever ends with 2, `psim check` refuses so, too.
  tests/system/damaged_captures.py [COUNT [SEED]]    default 20
"""
import os, random, re, struct, subprocess, sys, tempfile

PSIM = os.environ.get('PSIM', 'build/psim')
EDGES = [0, 1, 2, 7, 8, 13, 14, 15, 16, 22, 24, 64, 255, 1500, 65535, 65536, 262144, 262145, 999999999, 1000000000,
         0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0xa1b2c3d4, 0xd4c3b2a1]
CONFIG = '''
local kind = param("mesh.kind", "ethernet", { "ethernet", "switched", "fddi", "worm" })
local file = { file = "t.pcap", stations = param("stations", "own", { "own", "seen" }), factor = param("factor", 1.0) }
if param("into", "network", { "network", "node" }) == "network" then
    file.kind = "pcap"
    return { mesh = kind == "worm" and { kind = kind, rows = 2, columns = 4 } or { kind = kind, stations = 8 }, workload = file }
end
local c = include "pcap_replay.lua"
file.kind, file.interface = "pcap_nodes", "lan"
return { machine = c.machine, workload = file }
'''
failed = 0


def records(d):
    at = 24
    while at + 16 <= len(d):
        n = struct.unpack_from('>I', d, at + 8)[0]
        yield at, at + 16 + n
        at += 16 + n


def damage(whole):
    d = bytearray(whole)
    where = list(records(whole))[:8] + random.sample(list(records(whole)), 4)
    for _ in range(random.choice([1, 1, 2])):
        begin, end = random.choice(where)
        at = random.choice([random.randrange(24), begin + random.randrange(16), random.randrange(begin, end),
                            random.randrange(begin + 30, end)])
        if at >= len(d):
            continue
        match random.randrange(7):
            case 0:
                d[at] ^= 1 << random.randrange(8)
            case 1:
                at &= ~3
                d[at:at + 4] = struct.pack(random.choice('<>') + 'I', random.choice(EDGES))
            case 2:
                del d[random.choice([at, random.randrange(len(d))]):]
            case 3:
                del d[at:at + random.choice([1, 4, 16, end - begin])]
            case 4:
                d[at:at] = random.randbytes(random.choice([1, 4, 16, 100]))
            case 5: # another frame, or part of one
                a, b = random.choice(where)
                d[begin:begin] = whole[a:random.choice([b, random.randrange(a, b)])]
            case _: # the other order of octets, of the head alone or of a frame's
                for i in range(at & ~3, min((at & ~3) + random.choice([4, 16, 24]), len(d) - 3), 4):
                    d[i:i + 4] = d[i:i + 4][::-1]
    return bytes(d)


def call(kind, *more):
    p = subprocess.run([PSIM, kind, *more], capture_output=True, text=True, errors='replace', timeout=100)
    said = [x for x in p.stderr.splitlines() if x.startswith('psim: ')]
    why = None
    if p.returncode not in (0, 2) or re.search('assert|crashed|signal|Sanitizer', p.stderr):
        why = f'{kind} gave {p.returncode}'
    elif p.returncode == 2 and (len(said) != 1 or 't.pcap: ' not in said[0]):
        why = f'{kind} says {said}'
    return p.returncode, why and f'{why}: {p.stderr[-600:]}'


def main():
    global failed
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    whole = open('configs/traces/pingpong.pcap', 'rb').read()
    ends = {0: 0, 2: 0}
    with tempfile.TemporaryDirectory() as tmp:
        open(f'{tmp}/t.lua', 'w').write(CONFIG)
        for n in range(seed, seed + count):
            random.seed(n)
            open(f'{tmp}/t.pcap', 'wb').write(damage(whole))
            into = random.choice(['network', 'node'])
            kind = random.choice(['ethernet', 'switched', 'fddi'] + ['worm'] * (into == 'network'))
            more = [f'{tmp}/t.lua', '-p', f'into={into}', '-p', f'mesh.kind={kind}', '-p',
                    f'stations={random.choice(["own", "seen"])}', '-p', f'factor={random.choice([0.0, 1.0, 1.0, 3e5])}']
            code, why = call('run', *more, '-q', '--no-store', '-p', 'limits.host_time=20s')
            ends[code] = ends.get(code, 0) + 1
            if why is None and code == 2:
                again, why = call('check', *more)
                why = why or (again != 2 and f'check gave {again}')
            if why:
                failed += 1
                print(f'FAIL  seed {n}: {more[1:]}: {why}', flush=True)
    print(f'{ends[0]} run, {ends[2]} refused')
    sys.exit(failed > 0 or min(ends[0], ends[2]) == 0)


main()
