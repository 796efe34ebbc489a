#!/usr/bin/env python3
"""Fails where the house stops explaining itself: a source without its sentence, a static name that
stands in several files, a folder that is more than one question, headers in a circle."""

import collections
import re

import tree

FOLDER_MAX = 4200  # lines of sources and public headers
HEAD = re.compile(r"/\* [^\n]")
# clang-format puts a definition's name at the beginning of its first line.
FUNCTION = re.compile(r"^static\s[^;={}()]*?\**\b(\w+)\(", re.MULTILINE)
TABLE = re.compile(r"^static\s[^;={}()]*?\**\b(\w+)(?:\[[^\]\n]*\])*\s*(?:=|;)", re.MULTILINE)
INCLUDE = re.compile(r'^#include "(svenv/[^"]+)"', re.MULTILINE)


def statics(text):
    """Names of the static functions and objects of file scope."""
    return {match[1] for pattern in (FUNCTION, TABLE) for match in pattern.finditer(text)}


def headless(sources):
    for path, text in sources.items():
        if not HEAD.match(text):
            yield f"{path}: the first line must be a comment that says what this file is"


def shared_names(sources):
    where = collections.defaultdict(list)
    for path, text in sources.items():
        for name in statics(text):
            where[name].append(str(path))
    for name, paths in sorted(where.items()):
        if len(paths) > 1:
            yield f"{name}: static in {' and '.join(paths)}"


def large_folders(root):
    lines = collections.Counter()
    for path in tree.files(root, ["src", "include/svenv"], ".c", ".h"):
        folder = path.parts[1 if path.parts[0] == "src" else 2]
        lines[folder] += (root / path).read_text(encoding="utf-8", errors="replace").count("\n")
    for folder, count in sorted(lines.items()):
        if count > FOLDER_MAX:
            yield f"{folder}: {count} lines, at most {FOLDER_MAX}"


def circles(root):
    """Headers that reach themselves through others."""
    headers = {
        str(path)[len("include/") :]: path for path in tree.files(root, ["include/svenv"], ".h")
    }
    includes = {
        name: [
            found
            for found in INCLUDE.findall(
                (root / path).read_text(encoding="utf-8", errors="replace")
            )
            if found in headers
        ]
        for name, path in headers.items()
    }
    for name in sorted(includes):
        seen, todo = set(), list(includes[name])
        while todo:
            other = todo.pop()
            if other not in seen:
                seen.add(other)
                todo += includes[other]
        if name in seen:
            yield f"{name}: includes itself through others"


def check(root):
    sources = {
        path: (root / path).read_text(encoding="utf-8", errors="replace")
        for path in tree.files(root, ["src"], ".c")
    }
    return [*headless(sources), *shared_names(sources), *large_folders(root), *circles(root)]


if __name__ == "__main__":
    tree.run(check)
