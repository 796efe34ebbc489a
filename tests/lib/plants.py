"""Programs that plant files in the project, and what became of those."""

import json
import subprocess

from lib.case import Case
from lib.interpreters import SYSTEM_PYTHON
from lib.programs import run

# A directory with a name that is watched for gets that name when all is in it: it may be taken away
# at once. A file that completes something else may take its own directory with it.
MAKE = """
import contextlib, os, sys
def make(name):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w") as file: file.write("evil")
for number, name in enumerate(sys.argv[1:]):
    parts = name.split("/")
    hidden = [at for at, part in enumerate(parts[:-1]) if part.startswith(".")]
    place = "/".join(parts[:hidden[0] + 1]) if hidden else ""
    if place and not os.path.exists(place):
        other = "/".join([*parts[:hidden[0]], "planted-%d" % number])
        make(other + name[len(place):])
        os.rename(other, place)
        continue
    with contextlib.suppress(FileNotFoundError):
        make(name)
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

# The last look waits for the user's git, too.
LAST_LOOK_SECONDS = 150


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


class Beside(Planting):
    """A program that runs for longer than a moment, and says `ready` when it does."""

    def begin(self, p, code, *words):
        process = p.spawn(
            "python",
            "-u",
            "-c",
            code,
            *words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.close, process)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    @staticmethod
    def close(process):
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()

    def end(self, process):
        _, said = process.communicate(timeout=LAST_LOOK_SECONDS)
        return process.returncode, said
