#!/usr/bin/env python3
"""Makes docs/probes.md of what run.py and mutate.py saved: document.py FILE... >docs/probes.md.

With --check it only holds the ids in docs/probes.md to those of the suite."""

import datetime
import json
import pathlib
import platform
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import ids
import mutate
import run

DOCUMENT = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "probes.md"
HEAD = """# Probes

Attacks on a sandbox of our own, by `tests/probes`. Each is tried inside, where it has to fail and
to leave nothing on the host, and outside as a control, where it has to succeed: else it would prove
nothing. A control shows only that the attack works; where the kernel or the caller's rights
refuse it everywhere, that is said. `mutate.py` takes single controls out of a sandbox and asks
which probes notice: they stand in the last column.

    ./test.sh probes                       # all of it, on a terminal and without one
    SVENV_PREFIX=/usr/local SVENV_BUILD_ROOT=build python3 tests/probes/run.py --only FS-01

"""


def controls():
    """By probe: the controls that it has to miss when they are taken out."""
    found = {}
    for mutation in mutate.MUTATIONS:
        for name in mutation.probes.split():
            found.setdefault(name, []).append(mutation.what)
    return found


def cell(text):
    return re.sub(r"\s+", " ", str(text)).replace("|", "\\|").replace("*", "\\*")


def merged(runs):
    """One row a probe: what the first run says in which it was played, and where that was."""
    rows = {}
    for one in runs:
        who = "root" if one["root"] else "user"
        for row in one["rows"]:
            kept = rows.setdefault(row["id"], {**row, "who": []})
            if kept["state"] == "skipped" and row["state"] != "skipped":
                kept.update(row)
            if row["state"] == "failed":
                kept.update(row)
            if row["state"] != "skipped" and who not in kept["who"]:
                kept["who"].append(who)
    return rows


def table(rows, by_probe):
    lines = [
        "| probe | attack | inside | control | control that it guards |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        only = f" ({row['who'][0]} only)" if len(row["who"]) == 1 else ""
        inside = {
            "passed": row["inside"],
            "missing": "NOT YET: " + (row["missing"] or ""),
            "skipped": "not run: " + row["why"],
            "failed": "FAILED",
        }[row["state"]]
        guards = "; ".join(by_probe.get(row["id"], []))
        lines.append(
            "| "
            + " | ".join(map(cell, (row["id"], row["what"] + only, inside, row["control"], guards)))
            + " |"
        )
    return lines


def mutations(saved):
    """The probes that each control's absence turned red, by the first run that could play it."""
    rows = {}
    if not saved:
        return []
    for one in saved:
        for row in one["mutations"]:
            if row["what"] not in rows or rows[row["what"]]["state"] == "skipped":
                rows[row["what"]] = row
    states = [row["state"] for row in rows.values()]
    out = [
        "## Controls taken out, one at a time\n",
        f"{states.count('noticed')} noticed, {states.count('unnoticed')} unnoticed, "
        f"{states.count('backed')} where another control refused as well, "
        f"{states.count('skipped')} not played.\n",
        "| control | probes that turn red |",
        "|---|---|",
    ]
    for row in rows.values():
        words = {
            "noticed": ", ".join(name for name, _ in row["red"]),
            "unnoticed": "NONE",
            "backed": "none; behind it: " + str(row["behind"]),
            "skipped": "not played: " + (row["red"] or [["", ""]])[0][1],
        }[row["state"]]
        out.append(f"| {cell(row['what'])} | {cell(words)} |")
    return [*out, ""]


def write(files):
    saved = [json.loads(pathlib.Path(name).read_text()) for name in files]
    runs = [one for rows in saved if isinstance(rows, list) for one in rows]
    rows, by_probe = merged(runs), controls()
    modes = sorted(
        {
            ("root" if one["root"] else "an ordinary user")
            + (" on a terminal" if one["terminal"] else "")
            for one in runs
        }
    )
    states = [row["state"] for row in rows.values()]
    release = re.match(r"\d+\.\d+", platform.release())[0]
    out = [
        HEAD + f"Run on {datetime.date.today()} on Linux {release} as {', '.join(modes)}: "
        f"{len(rows)} probes, {states.count('passed')} passed, {states.count('failed')} failed, "
        f"{states.count('missing')} not protected yet, {states.count('skipped')} not run.\n"
    ]
    order = list(ids.GROUPS)
    extra = [g for g in dict.fromkeys(i.split("-")[0] for i in rows) if g not in order]
    for group in order + extra:
        title = ids.GROUPS.get(group, ("",))[0]
        mine = [rows[name] for name in sorted(rows, key=sort_key) if name.split("-")[0] == group]
        if mine:
            out += [f"## {group}: {title}\n", *table(mine, by_probe), ""]
    out += mutations([one for one in saved if isinstance(one, dict)])
    out += ["## What is no probe\n", "| id | where | why |", "|---|---|---|"]
    out += [f"| {name} | {kind} | {cell(why)} |" for name, (kind, why) in ids.ELSEWHERE.items()]
    print("\n".join(out))


def sort_key(name):
    group, number = re.match(r"([A-Z]+)-(\d+)", name).groups()
    return group, int(number), name


def check():
    """The document's ids are the suite's; its results are those of the day that it names."""
    found = set(re.findall(r"^\| ([A-Z]+-\d+\S*) \|", DOCUMENT.read_text(), re.MULTILINE))
    wanted = {probe.id for probe in run.load(run.GROUPS)} | set(ids.ELSEWHERE)
    for what, names in (("lacks", wanted - found), ("still has", found - wanted)):
        if names:
            print(f"docs/probes.md {what}: {' '.join(sorted(names))}")
    return 1 if found != wanted else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    if not sys.argv[1:]:
        sys.exit(__doc__)
    write(sys.argv[1:])
