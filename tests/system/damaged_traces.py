#!/usr/bin/env python3
"""Traces, DXT texts and IOR command lines that are damaged anyhow: `psim check` and `psim run` say the same one
sentence with file and line, or both take it and the run ends by itself; converters convert or say one sentence.
  tests/system/damaged_traces.py [COUNT [SEED]]    of each; default 12
"""
import os, random, re, subprocess, sys, tempfile

PSIM = os.environ.get('PSIM', 'build/psim')
WORDS = ['0', '-1', '18446744073709551615', '9223372036854775807', '300000000000', '1e308', 'nan', '1', '', '8EiB', '+0',
         '@106d', 'barrier', 'read', 'write', 'size', 'f', '\x00', '\xff', '#', '-', '-t', '9' * 400]
failed = 0


def damage(text):
    for _ in range(random.randint(1, 3)):
        lines = text.split('\n')
        i = random.randrange(len(lines))
        words = lines[i].split(' ')
        match random.randrange(5):
            case 0:
                text = text[:random.randrange(len(text) + 1)] or ' '
                continue
            case 1:
                lines[i:i] = [random.choice(lines)]
            case 2:
                del lines[i]
            case _:
                words[random.randrange(len(words))] = random.choice(WORDS)
                lines[i] = ' '.join(words)
        text = '\n'.join(lines) or ' '
    return text


def call(*args, allowed=(0, 1, 2)):
    p = subprocess.run(args, capture_output=True, text=True, errors='replace', timeout=100)
    said = [x for x in p.stderr.splitlines() if not x.startswith((' ', 'usage'))]
    if p.returncode not in allowed or re.search('assert|crashed|signal|Traceback', p.stderr):
        return p.returncode, said, f'{p.returncode}: {p.stderr[-600:]}'
    return p.returncode, said, None


def complain(what, text, why):
    global failed
    failed += 1
    print(f'FAIL  {what}: {why}\n----\n{text[:1500]}\n----', flush=True)


def trace(path, text):
    open(path, 'w', encoding='latin-1').write(text)
    more = ['-p', f'workload.trace={path}', '-p', 'workload.factor=4', '-p', 'limits.host_time=20s']
    check, said, why = call(PSIM, 'check', 'io_replay', *more, allowed=(0, 2))
    if why is None and check == 2 and len(said) != 1:
        why = f'{len(said)} sentences: {said}'
    if why is None:
        run, again, why = call(PSIM, 'run', 'io_replay', '-q', '--no-store', *more, allowed=(0, 1, 2, 3))
        if why is None and (run == 2) != (check == 2):
            why = f'check says {check}, run {run}: {said} {again}'
    if why:
        complain('trace', text, why)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    ring = open('configs/traces/ring.replay').read()
    dxt = open('configs/traces/small.dxt').read()
    with tempfile.TemporaryDirectory() as tmp:
        for _ in range(count):
            trace(f'{tmp}/t.replay', damage(ring))
            text = damage(dxt)
            open(f'{tmp}/t.dxt', 'w', encoding='latin-1').write(text)
            code, said, why = call('scripts/convert-darshan', f'{tmp}/t.dxt', allowed=(0, 1))
            if why or (code == 1 and len(said) != 1):
                complain('DXT', text, why or said)
            text = damage('ior -N 3 -t 64k -b 128k -s 2 -e -C -z').replace('\x00', '')
            code, said, why = call('scripts/convert-ior', text, allowed=(0, 1))
            if why or (code == 1 and len(said) != 1):
                complain('IOR', text, why or said)
    sys.exit(failed > 0)


main()
