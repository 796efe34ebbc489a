#!/usr/bin/env python3
"""Runs the probes and prints a table: run.py [OPTION]... [GROUP]...

  --only ID         this probe (again for more)
  --terminal        programs of the probes stand on a terminal
  --jobs N          groups run side by side
  --save FILE       adds the results to a file, which document.py makes docs/probes.md of
  --list            only names the probes
  --coverage        only holds the probes to the catalogue's ids

Exit status: 0 when none failed, 1 otherwise, 77 when nothing is installed to be tested.
"""

import argparse
import collections
import importlib
import json
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import ids
import jobs

from lib import installed
from lib.runner import end_cleanly

GROUPS = (
    "fs",
    "env",
    "fd",
    "prj",
    "names",
    "steer",
    "git",
    "lead",
    "user",
    "pip",
    "bin",
    "after",
    "anew",
    "pol",
    "proc",
    "krn",
    "ipc",
    "net",
    "none",
    "tty",
    "life",
    "per",
    "arg",
)
# Worlds with a pip are dear: groups that need the same one run in one job. The longest come first.
SHARES = (
    ("pip", "bin", "after"),
    ("life",),
    ("anew",),
    ("arg",),
    ("prj", "names", "steer", "git", "lead", "user"),
    ("none", "net", "ipc"),
    ("pol",),
    ("krn",),
    ("per",),
    ("fs", "env"),
    ("fd", "proc", "tty"),
)
SLOWEST = 8
MARKS = {"passed": "ok", "failed": "FAILED", "skipped": "skip", "missing": "MISSING"}


def load(names):
    probes = []
    for name in names:
        rows = importlib.import_module("group_" + name).PROBES
        for probe in rows:
            probe.group = name
        probes += rows
    seen = set()
    for probe in probes:
        if probe.id in seen:
            raise SystemExit(f"two probes are called {probe.id}")
        seen.add(probe.id)
    return probes


def catalogue_id(identifier):
    """KRN-06b is of KRN-06."""
    return re.match(r"[A-Z]+-\d+", identifier)[0]


def coverage():
    """Every id of the catalogue is a probe or has a reason, and not both."""
    wanted = [
        f"{group}-{number}"
        for group, (_, numbers) in ids.GROUPS.items()
        for number in numbers.split()
    ]
    have = {catalogue_id(probe.id) for probe in load(GROUPS)}
    rows = {
        "neither a probe nor in ELSEWHERE": sorted(set(wanted) - have - set(ids.ELSEWHERE)),
        "a probe and in ELSEWHERE": sorted(have & set(ids.ELSEWHERE)),
        "in ELSEWHERE and unknown": sorted(set(ids.ELSEWHERE) - set(wanted)),
        "twice in the catalogue": [i for i, n in collections.Counter(wanted).items() if n > 1],
    }
    for what, found in rows.items():
        if found:
            print(f"{what}: {' '.join(found)}")
    print(
        f"{len(wanted)} ids: {len(set(wanted) & have)} are probes, {len(ids.ELSEWHERE)} are "
        f"elsewhere; {len(load(GROUPS))} probes in all"
    )
    print_elsewhere()
    return 1 if any(rows.values()) else 0


def print_elsewhere():
    for identifier, (kind, why) in ids.ELSEWHERE.items():
        print(f"{identifier:11} no probe, {kind}: {why}")


def show(verdict):
    probe = verdict.probe
    lines = [f"{probe.id:11} {MARKS[verdict.state]:8} {probe.what}"]
    if verdict.state == "passed":
        lines.append(f"inside {verdict.inside} | control {verdict.control}")
        if probe.missing:
            lines.append(f"passes already: the mark '{probe.missing}' can go")
    elif verdict.state == "missing":
        lines += [f"expected-missing: {probe.missing}", verdict.why]
    else:
        lines.append(verdict.why)
    return "\n".join(lines[:1] + [f"{'':20} {line}" for line in lines[1:]]) + "\n"


def row_of(verdict):
    """The part of a verdict that is kept beyond the process that gave it."""
    import harness

    return {
        "id": verdict.probe.id,
        "what": verdict.probe.what,
        "state": verdict.state,
        "inside": harness.outcome(verdict.inside, verdict.probe.expect),
        "control": harness.outcome(verdict.control, verdict.probe.control),
        "why": verdict.why,
        "missing": verdict.probe.missing,
        "seconds": round(verdict.seconds, 2),
    }


def judge_all(probes):
    import harness

    rows = []
    with harness.Worlds() as worlds:
        for probe in probes:
            verdict = harness.judge_in(worlds, probe)
            sys.stdout.write(show(verdict))
            sys.stdout.flush()
            rows.append(row_of(verdict))
    return rows


def side_by_side(probes, count):
    """Shares of the groups in jobs. Their files in the user's directories go last."""
    import harness

    harness.SHARED = True

    def work(numbers):
        rows = judge_all(
            probe for number in numbers for probe in probes if probe.group in SHARES[number]
        )
        return [{"rows": rows, "made": list(map(str, harness.MADE))}]

    done = jobs.side_by_side(count, len(SHARES), work)
    harness.remove_empty(folder for one in done for folder in one["made"])
    return [row for one in done for row in one["rows"]]


def summarise(rows, whole):
    counts = collections.Counter(row["state"] for row in rows)
    for row in rows:
        if row["state"] in ("failed", "skipped"):
            print(f"{row['state']}: {row['id']} {row['what']}: {row['why']}")
    waiting = [row for row in rows if row["state"] == "missing"]
    if waiting:
        print(f"\n{len(waiting)} expected-missing, NOT protected yet:")
        for row in waiting:
            print(f"  {row['id']}: {row['missing']}")
    for row in sorted(rows, key=lambda row: -row["seconds"])[:SLOWEST]:
        print(f"{row['seconds']:8.2f} s {row['id']} {row['what']}")
    if whole:
        print()
        print_elsewhere()
    print(
        f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['missing']} missing, "
        f"{counts['skipped']} skipped"
    )
    return 1 if counts["failed"] else 0


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("groups", nargs="*", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--terminal", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--save")
    return parser.parse_args()


def save(path, rows):
    import harness

    kept = []
    if os.path.exists(path):
        with open(path) as file:
            kept = json.load(file)
    kept.append({"root": harness.AS_ROOT, "terminal": harness.TERMINAL, "rows": rows})
    with open(path, "w") as file:
        json.dump(kept, file)


def main():
    options = parse()
    if options.terminal:
        os.environ["SVENV_PROBE_TERMINAL"] = "1"

    if options.coverage:
        return coverage()
    probes = [
        p
        for p in load(options.groups or GROUPS)
        if not options.only or p.id in options.only or catalogue_id(p.id) in options.only
    ]
    if options.list:
        for probe in probes:
            print(f"{probe.id:11} {probe.what}")
        return 0
    installed.require()
    end_cleanly()
    rows = side_by_side(probes, options.jobs) if options.jobs > 1 else judge_all(probes)
    if options.save:
        save(options.save, rows)
    return summarise(rows, not options.groups and not options.only)


if __name__ == "__main__":
    sys.exit(main())
