#!/usr/bin/env python3
"""Fails on Python that ruff would write differently, or finds something wrong with."""

import re
import shutil
import subprocess

import tree

CONFIG = "ruff.toml"
VERSION = re.compile(r'^required-version = "==(\d+\.\d+)\.\*"$', re.MULTILINE)
QUESTIONS = (["check", "--no-fix"], ["format", "--check"])


def missing(root):
    """Why it cannot be asked, or None. Other versions write differently."""
    program = shutil.which("ruff")
    if program is None:
        return "ruff is not installed"
    wanted = VERSION.search((root / CONFIG).read_text(encoding="utf-8"))[1]
    have = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return None if have.startswith(f"ruff {wanted}.") else f"{have.strip()} is not ruff {wanted}"


def check(root):
    reason = missing(root)
    if reason:
        return tree.cannot(reason)
    problems = []
    for words in QUESTIONS:
        done = subprocess.run(
            ["ruff", *words, "--quiet", "--no-cache", "--output-format", "concise", "."],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            problems += (done.stdout + done.stderr).splitlines() or [f"ruff {words[0]} failed"]
    return problems


if __name__ == "__main__":
    tree.run(check)
