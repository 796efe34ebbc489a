#!/usr/bin/env python3
"""Counts what passed, failed and was skipped.

    tally.py add FILE SUITE LOG     adds the counts of one log of `meson test` (LOG, JSON lines)
    tally.py step FILE NAME 0|1     adds one step that is no test: 0 passed, 1 failed
    tally.py total FILE             prints the sum as `N passed, N failed, N skipped`

A test program counts as many cases as it says it has run; one that says nothing counts as one. The
exit status is 1 when anything failed or nothing ran.
"""

import json
import re
import sys

CRITERION = re.compile(
    r"Synthesis:.*?Tested:.*?(\d+).*?\|.*?Passing:.*?(\d+).*?\|.*?Failing:.*?(\d+).*?\|"
    r".*?Crashing:.*?(\d+)"
)
UNITTEST = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
UNITTEST_NOTES = re.compile(r"^(?:OK|FAILED) \((.*)\)$", re.MULTILINE)
# Criterion counts a skipped case nowhere but says so for each.
CRITERION_SKIPPED = re.compile(r"^\[\S*SKIP\S*\]", re.MULTILINE)
# The probes' own; what is not protected yet has a mark, is told, and counts as skipped.
PROBES = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) missing, (\d+) skipped$", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def cases_of_unittest(text):
    ran = UNITTEST.findall(text)
    if not ran:
        return None
    notes = dict(re.findall(r"(\w[\w ]*?)=(\d+)", " ".join(UNITTEST_NOTES.findall(text))))
    failed = sum(int(notes.get(name, 0)) for name in ("failures", "errors", "unexpected successes"))
    skipped = int(notes.get("skipped", 0))
    total = sum(int(count) for count in ran)
    # A class's own setup that fails or is skipped is no test that ran, but it is counted above.
    return max(0, total - failed - skipped), failed, skipped


def cases_of_criterion(text):
    found = CRITERION.findall(text)
    if not found:
        return None
    _, passing, failing, crashing = (sum(int(row[i]) for row in found) for i in range(4))
    return passing, failing + crashing, len(CRITERION_SKIPPED.findall(text))


def cases_of_probes(text):
    found = PROBES.findall(text)
    if not found:
        return None
    passed, failed, missing, skipped = (sum(int(row[i]) for row in found) for i in range(4))
    return passed, failed, missing + skipped


def cases(entry):
    """(passed, failed, skipped) of one test program."""
    result = entry["result"]
    text = COLOUR.sub("", entry.get("stdout", "") + "\n" + entry.get("stderr", ""))
    counts = cases_of_unittest(text) or cases_of_criterion(text) or cases_of_probes(text)
    if result in ("SKIP", "IGNORED"):
        return (0, 0, 1)
    if result in ("OK", "EXPECTEDFAIL"):
        return counts if counts and sum(counts) > 0 and counts[1] == 0 else (1, 0, 0)
    if counts is None:
        return (0, 1, 0)
    # It failed though no case of it did: it crashed at the end, ran out of time, or leaked.
    return (counts[0], max(1, counts[1]), counts[2])


def add(path, suite, log):
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            entries = [json.loads(line) for line in file if line.strip()]
    except FileNotFoundError:
        entries = []
    rows = [cases(entry) for entry in entries]
    sums = [sum(row[i] for row in rows) for i in range(3)]
    if not rows:
        print(f"{suite}: no tests ran")
        sums[1] = 1
    with open(path, "a", encoding="utf-8") as file:
        file.write(" ".join([suite, *map(str, sums)]) + "\n")
    return 1 if sums[1] else 0


def step(path, name, status):
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{name} 0 1 0\n" if status != "0" else f"{name} 1 0 0\n")
    return 0


def total(path):
    sums = [0, 0, 0]
    try:
        with open(path, encoding="utf-8") as file:
            rows = [line.split() for line in file if line.strip()]
    except FileNotFoundError:
        rows = []
    for name, *counts in rows:
        numbers = [int(count) for count in counts]
        print("{:<24} {:>5} passed {:>4} failed {:>4} skipped".format(name, *numbers))
        sums = [have + more for have, more in zip(sums, numbers, strict=True)]
    print("{} passed, {} failed, {} skipped".format(*sums))
    return 1 if sums[1] or not sums[0] else 0


def main():
    actions = {"add": (add, 3), "step": (step, 3), "total": (total, 1)}
    words = sys.argv[1:]
    if not words or words[0] not in actions or len(words) - 1 != actions[words[0]][1]:
        sys.exit(__doc__)
    sys.exit(actions[words[0]][0](*words[1:]))


if __name__ == "__main__":
    main()
