#!/usr/bin/env python3
"""Fails when docs/SECURITY.md leaves a requirement out, or names what is not there."""

import re

import tree

DOCUMENT = "docs/SECURITY.md"
REQUIREMENTS = 32
ROW = re.compile(r"^\| C(\d+) \|[^|]*\|([^|]*)\|([^|]*)\|$", re.MULTILINE)
FILE = re.compile(r"`([a-z]+/[a-z_]+\.[ch])`")
SUITE = re.compile(r"`(test_[a-z_]+)`")
PROBE = re.compile(r"\b([A-Z]{2,4})-(\d\d)[a-z]?\b")


def has_probe(root, group, number):
    """Ids stand as they are, or are put together from a number in the file of their group."""
    for path in sorted((root / "tests/probes").glob("group_*.py")):
        text = path.read_text(encoding="utf-8")
        own = path.name == f"group_{group.lower()}.py"
        if f"{group}-{number}" in text or (own and f'"{number}' in text):
            return True
    return False


def missing_requirements(text):
    seen = [int(match[1]) for match in ROW.finditer(text)]
    for number in range(1, REQUIREMENTS + 1):
        if seen.count(number) != 1:
            yield f"{DOCUMENT}: C{number} has {seen.count(number)} rows of four columns"
    for number in sorted(set(seen) - set(range(1, REQUIREMENTS + 1))):
        yield f"{DOCUMENT}: there is no C{number}"


def missing_names(root, text):
    for name in sorted(set(FILE.findall(text))):
        if not any((root / below / name).exists() for below in ("src", "tests/unit")):
            yield f"{DOCUMENT}: there is no {name}"
    for name in sorted(set(SUITE.findall(text))):
        if not (root / "tests/integration" / f"{name}.py").exists():
            yield f"{DOCUMENT}: there is no suite {name}"
    for group, number in sorted(set(PROBE.findall(text))):
        if not has_probe(root, group, number):
            yield f"{DOCUMENT}: there is no probe {group}-{number}"


def check(root):
    text = (root / DOCUMENT).read_text(encoding="utf-8")
    return [*missing_requirements(text), *missing_names(root, text)]


if __name__ == "__main__":
    tree.run(check)
