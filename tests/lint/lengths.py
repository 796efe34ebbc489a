#!/usr/bin/env python3
"""Fails on functions and files that grew too long. Data tables don't count."""

import ast
import re

import tree

FUNCTION_MAX = 60  # lines between the braces, or below the signature
FILE_MAX = 600
DISPLAYS = (ast.List, ast.Tuple, ast.Dict, ast.Set)

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


def measured_c(lines):
    """Lines that belong to tables, and (number, name, length) of every function."""
    tables = table_lines(lines)
    return tables, [
        (start + 1, name_of(lines, start), sum(n not in tables for n in range(start + 1, end)))
        for start, end in functions(lines)
    ]


def measured_python(text):
    """The same of Python, where a table is a name's value that is written out over lines."""
    nodes = list(ast.walk(ast.parse(text)))
    tables = set()
    for node in nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, DISPLAYS):
            tables.update(range(node.lineno - 1, node.value.end_lineno))
    return tables, [
        (
            node.lineno,
            node.name,
            sum(n not in tables for n in range(node.body[0].lineno - 1, node.end_lineno)),
        )
        for node in nodes
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def check(root):
    problems = []
    for path in tree.files(root, ["src", "include", "tests"], ".c", ".h", ".py"):
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines()
        tables, lengths = measured_python(text) if path.suffix == ".py" else measured_c(lines)
        if len(lines) - len(tables) > FILE_MAX:
            problems.append(f"{path}: {len(lines) - len(tables)} lines, at most {FILE_MAX}")
        problems += [
            f"{path}:{number}: {name}() has {length} lines, at most {FUNCTION_MAX}"
            for number, name, length in lengths
            if length > FUNCTION_MAX
        ]
    return problems


if __name__ == "__main__":
    tree.run(check)
