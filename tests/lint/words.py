#!/usr/bin/env python3
"""Fails on marks of unfinished work, on functions that the house style forbids, and on names of
ours that are written out instead of taken from base/layout.h."""

import re

import tree

# Spelled in two halves so that this file passes its own check.
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
# In prose the word has its uses; in code it means that something is missing.
CODE_MARKS = re.compile(r"\b(place" r"holder|not implemented|unimplemented)\b", re.IGNORECASE)

FORBIDDEN = {
    "num_parse_*() of base/num.h": [
        "atoi",
        "atol",
        "atoll",
        "atof",
        "strtol",
        "strtoll",
        "strtoul",
        "strtoull",
        "strtoimax",
        "strtoumax",
        "strtod",
        "sscanf",
        "vsscanf",
    ],
    "struct buf, xasprintf() or snprintf()": [
        "strcpy",
        "strcat",
        "stpcpy",
        "strncpy",
        "strncat",
        "sprintf",
        "vsprintf",
        "gets",
    ],
    "xcalloc()": ["alloca", "strdupa", "strndupa"],
    "strcspn() and lengths": ["strtok", "strtok_r"],
    "fork and exec": ["system", "popen"],
}
CALL = re.compile(
    r"\b(" + "|".join(name for names in FORBIDDEN.values() for name in names) + r")\s*\("
)


# A whole text: a path to the private directory of a venv or to what lies there, or a name that
# begins as ours do in the root and in temporary directories.
OWN_NAME = re.compile(
    r"(?:%s/)?sandbox(?:/[\w./%-]*)?|/?\.sandbox-venv[\w./-]*|/(?:tmp|dev/shm)/sandbox-venv-.*"
)
LAYOUT = "include/svenv/base/layout.h"


def instead_of(name):
    return next(cure for cure, names in FORBIDDEN.items() if name in names)


def finds(pattern, text):
    for match in pattern.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[1]


def check(root):
    problems = []
    code = tree.files(root, ["src", "include"], ".c", ".h")
    others = tree.files(
        root,
        ["tests", "docs", "templates", "src", "include"],
        ".c",
        ".h",
        ".py",
        ".sh",
        ".md",
        ".yaml",
        ".build",
    )
    for path in sorted({*code, *others}):
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        problems.extend(f"{path}:{line}: mark '{word}'" for line, word in finds(MARKS, text))
    for path in code:
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        problems.extend(
            f'{path}:{line}: "{name}" is a name of {LAYOUT}'
            for line, name in tree.literals(text)
            if OWN_NAME.fullmatch(name) and str(path) != LAYOUT
        )
        problems.extend(f"{path}:{line}: mark '{word}'" for line, word in finds(CODE_MARKS, text))
        problems.extend(
            f"{path}:{line}: {name}() is forbidden, use {instead_of(name)}"
            for line, name in finds(CALL, tree.code_only(text))
        )
    return problems


if __name__ == "__main__":
    tree.run(check)
