"""refusals: every call by which a run's own code refuses (port_fail) is in refusals.txt, and nothing else is.

What is known before the first event is not for port_fail: `check` says it (workload_ops.check, machine_plan).
"""
import glob
import re
import sys

call = re.compile(r"\bport_fail\(\s*[^,;]*?,\s*((?:\"(?:[^\"\\]|\\.)*\"\s*)+)", re.S)
found = set()
for name in sorted(glob.glob("os/**/*.c", recursive=True) + glob.glob("workloads/**/*.c", recursive=True)
                   + glob.glob("models/*.c")):
    text = open(name, encoding="utf-8").read()
    calls = len(re.findall(r"\bport_fail\(", text)) - len(re.findall(r"^void port_fail\(", text, re.M))
    here = ["".join(re.findall(r"\"((?:[^\"\\]|\\.)*)\"", m.group(1))) for m in call.finditer(text)]
    if calls != len(here):
        print(f"{name}: {calls} calls of port_fail, {len(here)} with their sentence beside them")
        sys.exit(1)
    found |= {(name, h.replace('\\"', '"')) for h in here}
listed = set()
for line in open(sys.argv[1], encoding="utf-8"):
    if line.strip() and not line.startswith("#"):
        name, sentence, why = (part.strip() for part in line.split(" | "))
        listed.add((name, sentence))
for name, sentence in sorted(found - listed):
    print(f"{name}: '{sentence}' is not in {sys.argv[1]}: let check say it, or write down why only a run knows")
for name, sentence in sorted(listed - found):
    print(f"{sys.argv[1]}: {name} no longer says '{sentence}'")
print(f"{len(found)} refusals looked at")
sys.exit(found != listed or not found)
