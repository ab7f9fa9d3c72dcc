"""What must be true of a timeline, beyond the shape of its events.

    problems, seen = traceevents.check(path.read_text())

The shape of an event is the business of trace-event.schema.json, and of a
validator that nobody here wrote (jsonschema); what events must be to each other
is looked at here.
"""
import collections
import json
import re

from harness import ROOT

SCHEMA = ROOT / "tests/program/trace-event.schema.json"
TIME = re.compile(r'"ts":(?!\d+\.\d{6}[,}])')
SAMPLE = 997  # every so many events are validated whatever they look like


def ticks(text):
    """A time of the file, as a whole number of ps."""
    return int(text.replace(".", ""))


def read(text):
    return json.loads(text, parse_float=ticks)


class _Track:
    def __init__(self):
        self.time, self.open, self.slices = 0, [], []


def _check_order(events, problems):
    """Time and nesting on each track; its slices as (name, begin, end)."""
    tracks = collections.defaultdict(_Track)
    for event in events:
        if event["ph"] in "MC":
            continue
        where = event["pid"], event["tid"]
        track = tracks[where]
        if event["ts"] < track.time:
            problems.append(f"time runs back on {where}: {event}")
        track.time = event["ts"]
        if event["ph"] == "B":
            track.open.append((event["name"], event["ts"]))
        elif event["ph"] == "E":
            if not track.open:
                problems.append(f"an end without a beginning: {event}")
                continue
            track.slices.append((*track.open.pop(), event["ts"]))
        elif event["ph"] in "sf" and not track.open:
            problems.append(f"an arrow outside of any slice: {event}")
    for where, track in tracks.items():
        if track.open:
            problems.append(f"open at the end of {where}: {track.open}")
    return tracks


def _check_flows(events, problems):
    """Each arrow has one beginning and one end, and points forward."""
    ends = collections.defaultdict(dict)
    for event in events:
        if event["ph"] in "sf":
            sides = ends[event["cat"], event["name"], event["id"]]
            if event["ph"] in sides:
                problems.append(f"an arrow with two ends alike: {event}")
            sides[event["ph"]] = event
    for key, sides in ends.items():
        if set(sides) != {"s", "f"}:
            problems.append(f"an arrow with one end: {key}")
        elif sides["s"]["ts"] > sides["f"]["ts"]:
            problems.append(f"an arrow back in time: {sides}")
    return ends


def _check_counters(events, groups, problems):
    values, times = collections.defaultdict(list), {}
    for event in events:
        if event["ph"] != "C":
            continue
        key = event["pid"], event["name"]
        if event["ts"] < times.get(key, 0):
            problems.append(f"a counter runs back: {event}")
        times[key] = event["ts"]
        for value in event["args"].values():
            if not isinstance(value, int) or value < 0:
                problems.append(f"a counter that is no number: {event}")
            values[groups.get(event["pid"]), event["name"]].append(value)
    return values


def _names(events, kind, problems):
    names = {}
    for event in events:
        if event["ph"] == "M" and event["name"] == kind + "_name":
            key = event["pid"] if kind == "process" else (event["pid"],
                                                          event["tid"])
            if key in names:
                problems.append(f"named twice: {event}")
            names[key] = event["args"]["name"]
    return names


class Seen:
    """What a timeline has, for comparisons."""


def check(text):
    """(problems, what was seen) of a timeline's text."""
    problems, seen = [], Seen()
    if not text.startswith("[\n") or not text.endswith("\n]\n"):
        problems.append("the file is not a whole list")
    if TIME.search(text):
        problems.append("a time without six decimals")
    events = read(text)
    seen.events = events
    seen.phases = collections.Counter(e["ph"] for e in events)
    groups = _names(events, "process", problems)
    names = _names(events, "thread", problems)
    tracks = _check_order(events, problems)
    for where in tracks:
        if where not in names:
            problems.append(f"a track without a name: {where}")
    for event in events:
        if event["pid"] not in groups:
            problems.append(f"a group without a name: {event}")
            break
    seen.tracks = {(groups.get(w[0]), names.get(w)): t.slices
                   for w, t in tracks.items()}
    flows = _check_flows(events, problems)
    seen.flows = collections.Counter(key[1] for key in flows)
    seen.arrows = collections.defaultdict(list)  # how long each took, by name
    for key, sides in flows.items():
        if len(sides) == 2:
            seen.arrows[key[1]].append(sides["f"]["ts"] - sides["s"]["ts"])
    seen.counters = _check_counters(events, groups, problems)
    return problems, seen


def _kind(value):
    """What the schema can ask of a value that is no name of ours."""
    return type(value), value == "" if isinstance(value, str) else value > 0


def _shape(event):
    """Events of one shape are alike for the schema."""
    phase, args = event.get("ph"), event.get("args", {})
    return (phase, tuple(event), event.get("cat"), event.get("bp"),
            event.get("s"), event.get("name") if phase == "M" else
            _kind(event.get("name", "")),
            *(_kind(event[key]) for key in ("pid", "tid", "ts", "id")
              if key in event),
            *((key, _kind(value)) for key, value in args.items()))


def validate(events):
    """The problems that the schema's validator finds. ImportError: there is
    no validator."""
    import jsonschema

    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    shapes = {_shape(event): event for event in events}
    chosen = list(shapes.values()) + events[::SAMPLE]
    found = jsonschema.Draft7Validator(schema).iter_errors(chosen)
    return [f"{e.message} in {e.instance}" for e in found]
