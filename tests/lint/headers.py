#!/usr/bin/env python3
"""Fails on a header that does not compile alone, twice in a row, or has a wrong guard."""

import os
import re
import shlex
import subprocess

import tree

COMPILER = shlex.split(os.environ.get("CC", "cc"))
FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c"]


def guard_of(path):
    """include/svenv/plan/plan.h has SVENV_PLAN_PLAN_H; src/sys/x-internal.h has
    SVENV_SYS_X_INTERNAL_H."""
    parts = list(path.with_suffix("").parts)
    parts = parts[2:] if parts[0] == "include" else parts[1:]
    return re.sub(r"[^A-Z0-9]", "_", "_".join(["SVENV", *parts, "H"]).upper())


def check_header(root, path):
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    guard = guard_of(path)
    if f"#ifndef {guard}\n#define {guard}\n" not in text:
        yield f"{path}: the guard must be {guard}"
    source = f'#include "{root / path}"\n' * 2 + "typedef int not_empty;\n"
    done = subprocess.run(
        [*COMPILER, *FLAGS, f"-I{root / 'include'}", "-"],
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
        yield f"{path}: does not compile alone: {first.strip()}"


def check(root):
    problems = []
    for path in tree.files(root, ["include", "src"], ".h"):
        problems.extend(check_header(root, path))
    return problems


if __name__ == "__main__":
    tree.run(check)
