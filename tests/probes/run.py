#!/usr/bin/env python3
"""Runs the probes and prints a table: run.py [--list] [--only ID]... [GROUP]...

Exit status: 0 when none failed, 1 otherwise, 77 when nothing is installed to be tested.
"""

import argparse
import importlib
import os
import signal
import sys

import harness

GROUPS = ("fs", "env", "fd", "prj", "git", "pip", "pol", "proc", "krn", "ipc", "net", "tty", "life",
          "per", "arg")


def load(names):
    probes = []
    for name in names:
        probes += importlib.import_module("group_" + name).PROBES
    seen = set()
    for probe in probes:
        if probe.id in seen:
            raise SystemExit(f"two probes are called {probe.id}")
        seen.add(probe.id)
    return probes


def end_cleanly():
    """A run that is stopped removes its canaries all the same."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))


def show(verdict):
    mark = {"passed": "ok", "failed": "FAILED", "skipped": "skip", "missing": "MISSING"}
    probe = verdict.probe
    print(f"{probe.id:11} {mark[verdict.state]:8} {probe.what}")
    if verdict.state == "passed":
        print(f"{'':20} inside {verdict.inside} | control {verdict.control}")
        if probe.missing:
            print(f"{'':20} passes already: the mark '{probe.missing}' can go")
    elif verdict.state == "missing":
        print(f"{'':20} expected-missing: {probe.missing}")
        print(f"{'':20} {verdict.why}")
    else:
        print(f"{'':20} {verdict.why}")
    sys.stdout.flush()


def summarise(verdicts):
    counts = {state: sum(v.state == state for v in verdicts)
              for state in ("passed", "failed", "skipped", "missing")}
    waiting = [v for v in verdicts if v.state == "missing"]
    if waiting:
        print(f"\n{len(waiting)} expected-missing, NOT protected yet:")
        for verdict in waiting:
            print(f"  {verdict.probe.id}: {verdict.probe.missing}")
    print(f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("groups", nargs="*", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    probes = load(options.groups or GROUPS)
    if options.only:
        probes = [p for p in probes if p.id in options.only]
    if options.list:
        for probe in probes:
            print(f"{probe.id:11} {probe.what}")
        return 0
    if not os.access(harness.TOOL, os.X_OK):
        print(f"nothing is installed in {harness.PREFIX}: run 'meson install' first")
        return 1 if os.environ.get("SVENV_MUST_WORK") == "1" else 77
    verdicts = []
    end_cleanly()
    with harness.Worlds() as worlds:
        for probe in probes:
            skipped = probe.skip or (probe.root is not None and probe.root != harness.AS_ROOT)
            world = None if skipped else worlds.get(probe.world)
            verdicts.append(harness.judge(probe, world))
            show(verdicts[-1])
    return summarise(verdicts)


if __name__ == "__main__":
    sys.exit(main())
