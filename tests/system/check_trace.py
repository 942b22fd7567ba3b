"""check_trace.py FILE...: each file is a trace as Chrome and Perfetto read it, by the documented fields of the
Trace Event Format and what docs/tracing.md promises.  Prints what it held; the first fault ends it.

  array of objects; every event has a phase that we use, integer pid and tid, and, but for metadata, a time that
  is not negative and no earlier than anything of its own track that must come before it
  M   process_name, process_sort_index and thread_name, before the first event of what they name
  X   a duration that is not negative; the intervals of a track do not overlap
  b e the same category, process, local id and name; no end without its begin, none left open, none before its begin
  C   numbers in args        i   a scope
"""
import collections
import decimal
import json
import sys

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

    def metadata(self, e):
        args = e.get("args")
        assert isinstance(args, dict), f"metadata without args: {e}"
        if e["name"] == "process_name":
            assert e["pid"] not in self.processes, f"a process is named twice: {e}"
            self.processes.add(e["pid"])
        elif e["name"] == "thread_name":
            self.tracks.add((e["pid"], e["tid"]))
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
        at, key = time_of(e, "ts"), (e["cat"], e["pid"], local, e["name"])
        if e["ph"] == "b":
            self.open[key] += 1
            self.begun[key] = at
        else:
            assert self.open[key] > 0, f"an end without its begin: {e}"
            assert at >= self.begun[key], f"it ends before it began: {e}"
            self.open[key] -= 1

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
            time_of(e, "ts")
            assert e["args"] and all(isinstance(v, (int, decimal.Decimal)) for v in e["args"].values()), f"{e}"
            return
        assert (e["pid"], e["tid"]) in self.tracks, f"its track has no name yet: {e}"
        if e["ph"] == "X":
            self.interval(e)
        elif e["ph"] in "be":
            self.span(e)
        else:
            assert e["ph"] == "i" and e.get("s") in ("g", "p", "t"), f"an unknown phase: {e}"
            time_of(e, "ts")


for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as f:
        events = json.load(f, parse_float=decimal.Decimal)
    assert isinstance(events, list), "the trace is no array"
    trace = Trace()
    for event in events:
        trace.event(event)
    assert not +trace.open, f"left open: {list(+trace.open)[:3]}"
    print(name, *(f"{phase} {count}" for phase, count in sorted(trace.counts.items())))
