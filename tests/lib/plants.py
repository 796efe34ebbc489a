"""Programs that plant files in the project, and what became of those."""

import json

from lib.case import Case
from lib.interpreters import SYSTEM_PYTHON
from lib.programs import run

MAKE = """
import os, sys
for name in sys.argv[1:]:
    while True:
        try:
            os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
            open(name, "w").write("evil")
            break
        except FileNotFoundError: pass  # the directory was taken: this machine is slow
"""
WRITE = """
import errno, json, os, sys
told = {}
for name in sys.argv[1:]:
    try:
        open(name, "a").write("evil")
        told[name] = "ok"
    except OSError as error:
        told[name] = errno.errorcode[error.errno]
print(json.dumps(told))
"""

# Byte code that a program of the host would run for the source.
FORGE = """
import importlib._bootstrap_external as b, os, sys
source, target = sys.argv[1:]
st = os.stat(source)
code = compile("value = 666", source, "exec")
data = b._code_to_timestamp_pyc(code, int(st.st_mtime), st.st_size)
os.makedirs(os.path.dirname(target), exist_ok=True)
open(target, "wb").write(data)
"""


class Planting(Case):
    def quarantined(self, p):
        base = p.env_dir / "sandbox" / "quarantine"
        return sorted(
            str(path.relative_to(stamp))
            for stamp in base.iterdir()
            for path in stamp.rglob("*")
            if not path.is_dir()
        )

    def make(self, p, *names):
        """Makes files inside; returns what the launcher said about it."""
        done = p.code(MAKE, *names)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def write(self, p, *names):
        done = p.code(WRITE, *names)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def native(self, p, code, *words):
        """The control: the same code outside of any sandbox."""
        return run(SYSTEM_PYTHON, "-B", "-c", code, *words, cwd=str(p.path), check=True)
