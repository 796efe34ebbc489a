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
import re
import signal
import sys

import ids

GROUPS = ("fs", "env", "fd", "prj", "names", "git", "pip", "bin", "pol", "proc", "krn", "ipc",
          "net", "none", "tty", "life", "per", "arg")
# Worlds with a pip in them are dear: who needs the same one runs in one job. The longest come first.
SHARES = (("pip", "bin"), ("life",), ("prj", "names", "git"), ("none", "net", "ipc"), ("pol",),
          ("krn",), ("arg", "per"), ("fs", "env"), ("fd", "proc", "tty"))
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
    wanted = [f"{group}-{number}" for group, (_, numbers) in ids.GROUPS.items()
              for number in numbers.split()]
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
    print(f"{len(wanted)} ids: {len(set(wanted) & have)} are probes, {len(ids.ELSEWHERE)} are "
          f"elsewhere; {len(load(GROUPS))} probes in all")
    print_elsewhere()
    return 1 if any(rows.values()) else 0


def print_elsewhere():
    for identifier, (kind, why) in ids.ELSEWHERE.items():
        print(f"{identifier:11} no probe, {kind}: {why}")


def end_cleanly():
    """A run that is stopped removes its canaries all the same."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))


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
    """What is kept of a verdict beyond the process that gave it."""
    import harness

    return {"id": verdict.probe.id, "what": verdict.probe.what, "state": verdict.state,
            "inside": harness.outcome(verdict.inside, verdict.probe.expect),
            "control": harness.outcome(verdict.control, verdict.probe.control),
            "why": verdict.why, "missing": verdict.probe.missing}


def judge_all(probes):
    import harness

    rows = []
    with harness.Worlds() as worlds:
        for probe in probes:
            world = worlds.get(probe.world) if harness.applies(probe) else None
            verdict = harness.judge(probe, world)
            sys.stdout.write(show(verdict))
            sys.stdout.flush()
            rows.append(row_of(verdict))
        wait_for_others()
    return rows


OTHERS = []  # ends of a pipe: every job holds the second one until it has judged its last probe


def wait_for_others():
    """What one job planted goes only when no other is at work: they share directories."""
    if OTHERS:
        os.close(OTHERS[1])
        os.read(OTHERS[0], 1)


def work(tickets, answers, probes):
    """One job: takes shares until none is left, then hands over its rows."""
    mine = iter(lambda: os.read(tickets, 1), b"")
    rows = judge_all(probe for ticket in mine for probe in probes
                     if probe.group in SHARES[ticket[0]])
    with os.fdopen(answers, "w") as out:
        json.dump(rows, out)


def side_by_side(probes, jobs):
    tickets, give = os.pipe()
    os.write(give, bytes(range(len(SHARES))))
    os.close(give)
    OTHERS[:] = os.pipe()
    children = []
    for _ in range(jobs):
        answers, into = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                work(tickets, into, probes)
                status = 0
            finally:
                sys.stdout.flush()
                os._exit(status)
        os.close(into)
        children.append((pid, answers))
    os.close(OTHERS[1])
    rows = []
    for pid, answers in children:
        with os.fdopen(answers) as file:
            text = file.read()
        if os.waitpid(pid, 0)[1]:
            raise SystemExit("a job ended early")
        rows += json.loads(text)
    return rows


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
    if whole:
        print()
        print_elsewhere()
    print(f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['missing']} missing, "
          f"{counts['skipped']} skipped")
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
    import harness

    if options.coverage:
        return coverage()
    probes = [p for p in load(options.groups or GROUPS)
              if not options.only or p.id in options.only or catalogue_id(p.id) in options.only]
    if options.list:
        for probe in probes:
            print(f"{probe.id:11} {probe.what}")
        return 0
    if not os.access(harness.TOOL, os.X_OK):
        print(f"nothing is installed in {harness.PREFIX}: run 'meson install' first")
        return 1 if os.environ.get("SVENV_MUST_WORK") == "1" else 77
    end_cleanly()
    rows = side_by_side(probes, options.jobs) if options.jobs > 1 else judge_all(probes)
    if options.save:
        save(options.save, rows)
    return summarise(rows, not options.groups and not options.only)


if __name__ == "__main__":
    sys.exit(main())
