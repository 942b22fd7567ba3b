"""check_trace.py [--follow] [--only PID,...] [--within FROM,TO] FILE...: each file is a trace as Chrome and Perfetto read it, by the documented fields of the
Trace Event Format and what docs/tracing.md promises.  Prints what it held; the first fault ends it.

  array of objects; every event has a phase that we use, integer pid and tid, and, but for metadata, a time that
  is not negative and no earlier than anything of its own track that must come before it
  M   process_name, process_sort_index and thread_name, before the first event of what they name
  X   a duration that is not negative; the intervals of a track do not overlap
  b e the same category, process, track, local id and name; no end without its begin, none left open, none before its begin
  C   numbers in args, none negative, in order of time        i   a scope
--follow: each span of the file system is inside the one above it that has its id: what a server serves inside the
  call, an I/O node's work inside a client's piece, a local file's inside that, the device's inside that; and a piece
  inside the request whose id it names.  --only: no other process.  --within: no time outside, in microseconds.
"""
import argparse
import collections
import decimal
import json
import re

PICO = decimal.Decimal("0.000001")  # a picosecond in microseconds


def time_of(event, field):
    value = event.get(field)
    assert isinstance(value, (int, decimal.Decimal)), f"{field} is no number: {event}"
    assert value >= 0, f"{field} is negative: {event}"
    assert value % PICO == 0, f"{field} is finer than a picosecond: {event}"
    return value


class Trace:
    def __init__(self):
        self.counts = collections.Counter()
        self.processes, self.tracks = set(), set()
        self.free_from = {}  # track -> end of its last interval
        self.open = collections.Counter()
        self.begun = {}
        self.names = {}  # track -> name
        self.spans = []  # (track's name, process, name, id, from, to)
        self.levels = {}

    def metadata(self, e):
        args = e.get("args")
        assert isinstance(args, dict), f"metadata without args: {e}"
        if e["name"] == "process_name":
            assert e["pid"] not in self.processes, f"a process is named twice: {e}"
            self.processes.add(e["pid"])
        elif e["name"] == "thread_name":
            self.tracks.add((e["pid"], e["tid"]))
            self.names[(e["pid"], e["tid"])] = args["name"]
        else:
            assert e["name"] == "process_sort_index" and isinstance(args["sort_index"], int), f"unknown: {e}"
            return
        assert isinstance(args["name"], str) and args["name"], f"an empty name: {e}"

    def interval(self, e):
        start, length = time_of(e, "ts"), time_of(e, "dur")
        track = (e["pid"], e["tid"])
        assert start >= self.free_from.get(track, 0), f"overlaps the interval before it on its track: {e}"
        self.free_from[track] = start + length

    def span(self, e):
        local = e.get("id2", {}).get("local")
        assert isinstance(local, str) and int(local, 16) >= 0, f"no id of its process: {e}"
        at, key = time_of(e, "ts"), (e["cat"], e["pid"], e["tid"], local, e["name"])
        if e["ph"] == "b":
            self.open[key] += 1
            self.begun[key] = at
        else:
            assert self.open[key] > 0, f"an end without its begin: {e}"
            assert at >= self.begun[key], f"it ends before it began: {e}"
            self.open[key] -= 1
            track = self.names.get((e["pid"], e["tid"]))
            self.spans.append((track, e["pid"], e["name"], int(local, 16), self.begun[key], at))

    def event(self, e):
        assert isinstance(e, dict) and isinstance(e.get("name"), str), f"no named object: {e}"
        self.counts[e["ph"]] += 1
        assert isinstance(e.get("pid"), int), f"no pid: {e}"
        if e["ph"] == "M":
            self.metadata(e)
            return
        assert isinstance(e.get("cat"), str) or e["ph"] == "C", f"no category: {e}"
        assert e["pid"] in self.processes, f"its process has no name yet: {e}"
        if e["ph"] == "C":
            at, counter = time_of(e, "ts"), (e["pid"], e["name"])
            assert e["args"] and all(isinstance(v, (int, decimal.Decimal)) for v in e["args"].values()), f"{e}"
            assert min(e["args"].values()) >= 0, f"a queue is shorter than nothing: {e}"
            assert at >= self.levels.get(counter, 0), f"a counter goes back in time: {e}"
            self.levels[counter] = at
            return
        assert (e["pid"], e["tid"]) in self.tracks, f"its track has no name yet: {e}"
        if e["ph"] == "X":
            self.interval(e)
        elif e["ph"] in "be":
            self.span(e)
        else:
            assert e["ph"] == "i" and e.get("s") in ("g", "p", "t"), f"an unknown phase: {e}"
            time_of(e, "ts")


def inside(below, above, what):
    """Each span of `below` has one of `above` with its id around it."""
    by_id = collections.defaultdict(list)
    for span in above:
        by_id[span[3]].append(span)
    assert below, f"there is no {what}"
    for span in below:
        assert any(a[4] <= span[4] and span[5] <= a[5] for a in by_id[span[3]]), f"{what} in nothing that asked: {span}"
    return len(below)


def follow(spans, devices):
    on = collections.defaultdict(list)
    for span in spans:
        on["device" if devices.match(span[0] or "") else span[0]].append(span)
    ids = {span[3] for span in on["file server"]}
    asked = [span for span in on["local files"] if span[3] in ids]
    pieces = [(*s[:3], int(s[2].split()[-1], 16), *s[4:]) for s in on["pieces"]]
    for process in {s[1] for s in pieces}:
        inside([s for s in pieces if s[1] == process],
               [s for s in on["files"] if s[1] == process and s[2].startswith(("read ", "write "))], "piece")
    counts = [inside([s for s in on["calls"] if s[2] == "serve"], [s for s in on["calls"] if s[2] == "call"], "serve"),
              inside([s for s in on["file server"] if s[2] in ("read", "write")], on["pieces"], "work of an I/O node"),
              inside(asked, on["file server"], "local file"),
              inside([s for s in on["device"] if s[3] in ids], asked, "device request")]
    print("followed", *counts)


options = argparse.ArgumentParser()
options.add_argument("--follow", action="store_true")
options.add_argument("--only")
options.add_argument("--within")
options.add_argument("files", nargs="+")
options = options.parse_args()
for name in options.files:
    with open(name, encoding="utf-8") as f:
        events = json.load(f, parse_float=decimal.Decimal)
    assert isinstance(events, list), "the trace is no array"
    trace = Trace()
    for event in events:
        trace.event(event)
    assert not +trace.open, f"left open: {list(+trace.open)[:3]}"
    if options.only:
        others = trace.processes - {int(pid) for pid in options.only.split(",")}
        assert not others, f"processes that nobody asked for: {others}"
    if options.within:
        start, end = map(decimal.Decimal, options.within.split(","))
        for event in events:
            at = event.get("ts", start)
            assert start <= at and at + event.get("dur", 0) <= end, f"outside the time asked for: {event}"
    if options.follow:
        follow(trace.spans, re.compile(r"io\d+\.\d+$"))
    print(name, *(f"{phase} {count}" for phase, count in sorted(trace.counts.items())))
