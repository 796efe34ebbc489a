"""Code that the lints share: finding the sources, and saying what was found."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib import skips


class Skip(Exception):
    """A lint that cannot run here; the text says why."""


def cannot(reason):
    """The result of a lint that lacks its program: a finding where everything has to work."""
    if skips.must_work():
        return ["must work here: " + reason]
    raise Skip(reason)


def files(root, folders, *suffixes):
    """Files below the folders with one of the suffixes, sorted, as paths relative to root."""
    found = []
    for folder in folders:
        found += [
            path.relative_to(root)
            for path in sorted((root / folder).rglob("*"))
            if path.is_file() and path.suffix in suffixes
        ]
    return found


_COMMENT_OR_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)


def code_only(text):
    """C text with comments and literals blanked out; line numbers stay what they were."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())

    return _COMMENT_OR_LITERAL.sub(blank, text)


def literals(text):
    """The texts in C code, each with its line and without its quotes."""
    for match in _COMMENT_OR_LITERAL.finditer(text):
        if match.group().startswith('"'):
            yield line_of(text, match), match.group()[1:-1]


def comments(text):
    """The comments in C code, each with its line and without its marks."""
    for match in _COMMENT_OR_LITERAL.finditer(text):
        comment = match.group()
        if comment.startswith("//"):
            yield line_of(text, match), comment[2:].strip()
        elif comment.startswith("/*"):
            yield line_of(text, match), comment[2:-2].strip()


def line_of(text, match):
    """The line in which a match begins."""
    return text.count("\n", 0, match.start()) + 1


def run(check):
    """main() of a lint: prints its findings, one per line, and exits."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    try:
        problems = check(root)
    except Skip as reason:
        print(f"skipped: {reason}")
        sys.exit(skips.STATUS)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
