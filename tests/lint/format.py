#!/usr/bin/env python3
"""Fails on C that clang-format would write differently."""

import shutil
import subprocess

import tree

# The configuration in the tree is written for version 14; others differ in details.
NAMES = ["clang-format-14", "clang-format"]


def find_program():
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    return None


def check(root):
    program = find_program()
    if program is None:
        return tree.cannot("clang-format is not installed")
    sources = [str(path) for path in tree.files(root, ["src", "include", "tests"], ".c", ".h")]
    if not sources:
        return []
    done = subprocess.run(
        [program, "--style=file", "--dry-run", "-Werror", *sources],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return []
    found = [line for line in done.stderr.splitlines() if "error:" in line]
    return found or [done.stderr.strip()]


if __name__ == "__main__":
    tree.run(check)
