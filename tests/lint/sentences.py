#!/usr/bin/env python3
"""Fails on sentences of comments and documents whose subject is a clause, because they have to be
read twice, and on references to a document that is not in the tree, or to a number without one."""

import ast
import io
import re
import tokenize

import tree

FOLDERS = ["src", "include", "tests", "docs", "templates", ".ci"]
SUFFIXES = (".c", ".h", ".py", ".sh", ".build", ".yaml", ".toml", ".txt", ".md", ".1", ".5", "")
SAMPLES = {"tests/lint/selftest.py"}  # it holds what must be found
CORPUS = "tests/fuzz/corpus/"
# Names that the policy protects are no references.
POLICY = "templates/default.yaml"
PROTECTED = re.compile(r"^ +- ([\w.-]+\.md)$", re.MULTILINE)

# The first word of a block, or the one behind the end of a sentence, whatever quotes or marks stand
# between them; in a table of a comment it stands behind blanks, in one of a document behind a bar.
SUBJECT = re.compile(
    r"""(?:\A|\n\s*\n|[.:?!]["'`)*_]*\s|\s\s|\||^[ \t]*(?:[-*]|\d+\.)[ \t])\s*["'`(*_]*"""
    r"\b(What|Who|Whoever|Whatever)\b(?=([^.?!]*(?:[.?!](?!\s|\Z)[^.?!]*)*[.?!]?))",
    re.MULTILINE,
)
# Spelled in halves so that this file passes its own check.
STRANGERS = re.compile(r"\b(DES" r"IGN|INTER" r"OP|CONTAIN" r"MENT|OBEY" r"ED)\b")
DOCUMENT = re.compile(r"(?<![\w/.-])((?:[\w-]+/)*[\w-]+\.md)\b")
NUMBER = re.compile(r"(?<![\w/.+-])([CFR]\d{1,2})(?![\w.-])")
NO_REFERENCES = {"C0", "C1", "C17"}  # sets of control characters, and the language
REQUIREMENTS = "docs/SECURITY.md"


def c_comments(text):
    """(line, words) of each comment, its lines kept and its stars taken off."""
    for line, comment in tree.comments(text):
        yield line, re.sub(r"^[ \t]*\*(?: |$)", "", comment, flags=re.MULTILINE)


def python_comments(text):
    """The same of Python: docstrings, and neighbouring lines of comments together."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            docstring = ast.get_docstring(node)
            if docstring:
                yield node.body[0].lineno, docstring
    lines = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith("#!"):
            lines[token.start[0]] = token.string
    yield from neighbours(lines)


def hash_comments(text):
    """The same of files in which whole lines are comments."""
    yield from neighbours(
        {
            number: line.strip()
            for number, line in enumerate(text.split("\n"), 1)
            if line.lstrip().startswith("#") and not line.startswith("#!")
        }
    )


def neighbours(lines):
    """Joins the texts of lines that follow one another, without their '#'."""
    for first in sorted(number for number in lines if number - 1 not in lines):
        last = first
        while last + 1 in lines:
            last += 1
        block = [lines[number].lstrip("#").strip() for number in range(first, last + 1)]
        yield first, "\n".join(block)


def document(text):
    """A document in one piece, with its headings and examples blanked out."""
    text = re.sub(
        r"^```.*?^```", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL | re.MULTILINE
    )
    text = re.sub(r"^(?:#|    ).*$", "", text, flags=re.MULTILINE)
    yield 1, re.sub(r"`[^`\n]*`", "x", text)


def manual(text):
    """The same of a manual page, without its requests and fonts."""
    yield 1, re.sub(r"\\f[BIRP]", "", re.sub(r"^\..*$", "", text, flags=re.MULTILINE))


READERS = {
    ".c": c_comments,
    ".h": c_comments,
    ".py": python_comments,
    ".md": document,
    ".1": manual,
    ".5": manual,
}


def subjects(path, text):
    for line, words in READERS.get(path.suffix, hash_comments)(text):
        for match in SUBJECT.finditer(words):
            if not match[2].endswith("?"):
                at = line + words.count("\n", 0, match.start(1))
                yield f"{path}:{at}: '{match[1]}' begins a sentence: say subject, verb, object"


def protected(root):
    policy = root / POLICY
    return (
        {name.lower() for name in PROTECTED.findall(policy.read_text())} if policy.exists() else ()
    )


def references(root, path, text, protects):
    for match in STRANGERS.finditer(text):
        yield f"{path}:{tree.line_of(text, match)}: no document is called {match[1]}"
    for match in DOCUMENT.finditer(text):
        places = (root, root / "docs", (root / path).parent)
        known = match[1].rpartition("/")[2].lower() in protects
        if not known and not any((place / match[1]).exists() for place in places):
            yield f"{path}:{tree.line_of(text, match)}: there is no {match[1]}"


def numbers(path, text):
    """A requirement's number stands with its document's name, in the same comment."""
    if str(path) == REQUIREMENTS:
        return
    for line, words in READERS.get(path.suffix, hash_comments)(text):
        for match in NUMBER.finditer(words):
            if match[1] not in NO_REFERENCES and REQUIREMENTS not in words[: match.start()]:
                yield f"{path}:{line}: {match[1]} of which document? Say '{REQUIREMENTS}, C4'"


def check(root):
    problems = []
    protects = protected(root)
    paths = [path.relative_to(root) for path in sorted(root.iterdir()) if path.is_file()]
    for path in [*paths, *tree.files(root, FOLDERS, *SUFFIXES)]:
        if path.suffix not in SUFFIXES or str(path) in SAMPLES or str(path).startswith(CORPUS):
            continue
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        problems += [*subjects(path, text), *references(root, path, text, protects)]
        problems += numbers(path, text)
    return problems


if __name__ == "__main__":
    tree.run(check)
