#!/usr/bin/env python3
"""Compares our reading of pyvenv.cfg with that of the Pythons that are installed.

For each text either ini_parse_text() refuses it, or it finds the `home` that CPython finds: its
site module, and from 3.11 on what the interpreter itself takes at its start (getpath). The fixed
rows say which of the two must happen, so that refusing everything is no way to pass.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HELPER = os.environ["SVENV_READ_INI"]
SAME, REFUSED = "same", "refused"
LONG = "x" * 300
BOM, NBSP, WIDE = "\ufeff", "\u00a0", "\u2003"

ROWS = [
    (SAME, "home = /a\nversion = 3.11.2\n"),
    (SAME, "home=/a"),
    (SAME, "  HOME\t=\t/a b  \r\nx = y\r\n"),
    (SAME, "command = /usr/bin/python3 -m venv /p\nhome = /a\n"),
    (SAME, "home = /a=b = c\n"),
    (SAME, "home: /b\nhome = /a\n"),
    (SAME, "home\n\nhome = /a\n"),
    (SAME, "# home = /b\n; home = /b\nhome = /a\n"),
    (SAME, "#home = /b\n"),
    (SAME, "home2 = /b\n home = /a\n  x\n"),
    (SAME, "home = /a\nhome = /a\n"),
    (SAME, "home = /a#b;c"),
    (SAME, "home = /a # b\n"),
    (SAME, "prompt = x ;home = /b\nhome = /a\n"),
    (SAME, "x ;home = /b\n"),
    (SAME, "home = /a/é/\U0001f40d\n"),
    (SAME, f"home = /a{NBSP}b{BOM}c\n"),
    (SAME, f"prompt = x{NBSP}\nhome = /a\n"),
    (SAME, f"command = {LONG} home = /b\nhome = /a\n"),
    (SAME, f"command = {LONG}{BOM}home = /b\n"),
    (SAME, f"home = /a\ncommand = {'y' * 182}home = /b\n"),
    (SAME, f"# {LONG} = :\nhome = /a\n"),
    (SAME, "= /b\nhome = /a\n"),
    (SAME, ""),
    (REFUSED, "home: /b = /c\n"),
    (REFUSED, "[x]\nhome = /a\n"),
    (REFUSED, "home = /a\n [home\n"),
    (REFUSED, "home = /a ;b\n"),
    (REFUSED, f"home = /{LONG}\n"),
    (REFUSED, f"home{' ' * 300}= /b\n"),
    (REFUSED, f"{LONG}{BOM} = x\nhome = /a\n"),
    (REFUSED, f"{BOM}home = /a\n"),
    (REFUSED, f" \t{BOM} home = /a\n"),
    (REFUSED, f"{' ' * 250}{BOM}home = /a\n"),
    (REFUSED, f"{NBSP}home = /b\n"),
    (REFUSED, f"home{WIDE} = /b\n"),
    (REFUSED, f"home = /a{WIDE}\n"),
    (REFUSED, "home = /a\nhome = /b\n"),
    (REFUSED, "x = y\rhome = /b\n"),
    (REFUSED, "home = /a\x1f\n"),
    (REFUSED, "home = /a\0b\n"),
]

# Pieces of the lines of random texts: most often the plain one, which stands first.
PARTS = [
    ["", "", "", " ", "\t", BOM, NBSP, "#", ";", "[", "x" * 90, "x" * 190, "x" * 198, "x ;", "x: "],
    ["home", "home", "HOME", "command", "home" + BOM, "home" + WIDE, "home" + " " * 190, ""],
    [" = ", " = ", "=", "\t=\t", ":", "", " = = ", f"={NBSP}"],
    ["/a", "/a", "/b", "", "é", "x" * 183, "x" * 192, " " * 150, f"/a{BOM}/b"],
    ["", "", "", " ;x", ";", " home = /b", f"{NBSP}x", NBSP, "\r", " ", "]"],
]


def random_text(dice):
    lines = [
        "".join(dice.choice(part) if dice.random() < 0.4 else part[0] for part in PARTS)
        for _ in range(dice.randint(1, 3))
    ]
    return "\n".join(lines) + dice.choice(["", "\n", "\r\n"])


# Runs in the Python that is asked; sys.argv[1] holds one directory per text.
ASK_SITE = """
import json, os, site, sys
found = []
for name in sorted(os.listdir(sys.argv[1]), key=int):
    sys.executable = os.path.join(sys.argv[1], name, "bin", "python")
    sys._home = None
    try:
        site.venv(set())
        found.append([sys._home])
    except (ValueError, UnicodeError) as error:
        found.append(str(error))
print(json.dumps(found))
"""
ASK_START = "import sys; print(sys._base_executable)"


def pythons():
    """Each different CPython 3 that can be run here."""
    found = {}
    names = [sys.executable] + [f"python3.{minor}" for minor in range(6, 20)]
    for name in names:
        path = shutil.which(name)
        ask = "import sys; print(sys.implementation.name, sys.version_info[0], sys.version_info[1])"
        done = path and subprocess.run(
            [path, "-I", "-c", ask], capture_output=True, text=True, check=False
        )
        if done and done.returncode == 0 and done.stdout.startswith("cpython 3 "):
            found.setdefault(done.stdout.strip(), path)
    return found


def write(root, texts):
    for number, text in enumerate(texts):
        (root / str(number) / "bin").mkdir(parents=True)
        (root / str(number) / "pyvenv.cfg").write_bytes(text.encode())


def ours(root, count):
    """(home or None), or a text with "!" for what is refused."""
    files = [str(root / str(number) / "pyvenv.cfg") for number in range(count)]
    done = subprocess.run([HELPER, *files], capture_output=True, check=True)
    lines = done.stdout.decode().split("\n")[:-1]
    return [
        line if line.startswith("!") else line[1:] if line.startswith("=") else None
        for line in lines
    ]


def site_reads(python, root):
    done = subprocess.run(
        [python, "-I", "-S", "-c", ASK_SITE, str(root)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


class Reading(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.pythons = pythons()
        self.assertTrue(self.pythons, "no CPython 3 can be run")

    def compare(self, texts):
        write(self.root, texts)
        have = ours(self.root, len(texts))
        self.assertEqual(len(have), len(texts))
        for name, python in self.pythons.items():
            for text, mine, theirs in zip(texts, have, site_reads(python, self.root), strict=True):
                if mine is None or not mine.startswith("!"):
                    self.assertEqual([mine], theirs, f"{name}: {text!r}")
        return have

    def test_rows(self):
        have = self.compare([text for _, text in ROWS])
        for (want, text), mine in zip(ROWS, have, strict=True):
            is_refused = mine is not None and mine.startswith("!")
            self.assertEqual(is_refused, want == REFUSED, f"{text!r}: {mine}")

    def test_random_texts(self):
        dice = random.Random(11)
        texts = [random_text(dice) for _ in range(1000)]
        have = self.compare(texts)
        found = [mine for mine in have if mine is not None and not mine.startswith("!")]
        self.assertGreater(len(found), 200, "hardly any text has a home that is not refused")

    def test_what_the_interpreter_takes(self):
        # It passes over a home without an interpreter, so each must be there.
        places = self.root / "p"
        texts = [
            text.replace("/a", f"{places}/a").replace("/b", f"{places}/b")
            for want, text in ROWS
            if want == SAME
        ]
        venvs = self.root / "v"
        write(venvs, texts)
        have = ours(venvs, len(texts))
        self.assertTrue(all(mine is None or mine.startswith(str(places)) for mine in have), have)
        modern = {
            name: real(path) for name, path in self.pythons.items() if int(name.split()[2]) >= 11
        }
        for name, python in modern.items():
            # A copy: of a link the interpreter would rather take the target.
            copy = shutil.copy(python, self.root / "python")
            for home in {*have, f"{places}/a", f"{places}/b"} - {None}:
                link(Path(home) / "python", copy)
            for number, (text, mine) in enumerate(zip(texts, have, strict=True)):
                start = venvs / str(number) / "bin" / "python"
                link(start, copy)
                done = subprocess.run(
                    [start, "-I", "-S", "-c", ASK_START], capture_output=True, text=True, check=True
                )
                theirs = os.path.dirname(done.stdout.rstrip("\n"))
                self.assertEqual(
                    theirs if theirs.startswith(str(places)) else None, mine, f"{name}: {text!r}"
                )
        if not modern:
            why = "no CPython from 3.11 on, where the interpreter tells what it took"
            self.assertNotEqual(os.environ.get("SVENV_MUST_WORK"), "1", why)
            self.skipTest(why)


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.link(target, path)


def real(python):
    """The program itself: a version manager's shim would not be what a venv links to."""
    ask = "import os, sys; print(os.path.realpath(sys.executable))"
    done = subprocess.run([python, "-I", "-c", ask], capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    unittest.main(verbosity=2)
