#!/usr/bin/env python3
"""Fails on functions and files that grew too long. Data tables don't count."""

import re

import tree

FUNCTION_MAX = 60  # lines between the braces
FILE_MAX = 600

# clang-format puts a function's braces, and nothing else's, alone into the first column; a table is
# an initialiser that is spread over lines and closed by "};" at the depth of its first line.
TABLE_OPENS = re.compile(r"^(\s*)[^#\n]*=\s*(\([^)]*\))?\{[^;]*$")


def table_lines(lines):
    """Numbers of the lines that belong to data tables."""
    inside = set()
    closing = None
    for number, line in enumerate(lines):
        if closing is None:
            match = TABLE_OPENS.match(line)
            if match and "const" in line:
                closing = match[1] + "}"
                inside.add(number)
        else:
            inside.add(number)
            if line.startswith(closing) and line.rstrip().endswith(";"):
                closing = None
    return inside


def functions(lines):
    """(line of the opening brace, line of the closing one), counted from 0."""
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            yield start, number
            start = None


def name_of(lines, brace):
    """The name in the signature that ends before the brace."""
    for number in range(brace - 1, max(brace - 12, -1), -1):
        match = re.match(r"^\w.*?(\w+)\(", lines[number])
        if match:
            return match[1]
    return "function"


def check(root):
    problems = []
    for path in tree.files(root, ["src", "include", "tests"], ".c", ".h"):
        lines = (root / path).read_text(encoding="utf-8", errors="replace").splitlines()
        tables = table_lines(lines)
        if len(lines) - len(tables) > FILE_MAX:
            problems.append(f"{path}: {len(lines) - len(tables)} lines, at most {FILE_MAX}")
        for start, end in functions(lines):
            length = sum(1 for n in range(start + 1, end) if n not in tables)
            if length > FUNCTION_MAX:
                name = name_of(lines, start)
                problems.append(
                    f"{path}:{start + 1}: {name}() has {length} lines, at most {FUNCTION_MAX}"
                )
    return problems


if __name__ == "__main__":
    tree.run(check)
