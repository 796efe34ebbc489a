"""The project while a program runs for longer than a moment."""

import os
import subprocess
import time

from lib.plants import Planting
from lib.processes import descendants, wait_for
from lib.programs import SECONDS, tool


class Running(Planting):
    """While a program runs for longer than a moment."""

    WAITING = """
import errno, json, os, sys
print("ready", flush=True)
for line in sys.stdin:
    word, _, path = line.strip().partition(" ")
    try:
        if word == "read":
            told = open(path).read()
        elif word == "write":
            told = str(open(path, "a").write("evil"))
        else:
            os.makedirs(path)
            told = "made"
    except OSError as error:
        told = errno.errorcode[error.errno]
    print(told, flush=True)
"""

    def begin(self, p):
        process = p.spawn(
            "python",
            "-u",
            "-c",
            self.WAITING,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.close, process)
        self.assertEqual(process.stdout.readline(), "ready\n")
        time.sleep(0.5)  # the watching begins a tenth of a second after the start
        return process

    @staticmethod
    def close(process):
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()

    def ask(self, process, *words):
        process.stdin.write(" ".join(map(str, words)) + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def ask_until(self, process, wanted, *words):
        """The watching takes a moment, longer on a busy machine."""
        self.assertTrue(wait_for(lambda: self.ask(process, *words) == wanted), words)

    def end(self, process):
        _, said = process.communicate(timeout=SECONDS)
        return process.returncode, said

    def test_a_saved_file_is_protected_again(self):
        p = self.project()
        p.write(".envrc", "old\n")
        p.venv()
        p.wrap()
        process = self.begin(p)
        self.assertEqual(self.ask(process, "write", ".envrc"), "EROFS")
        p.write("new", "saved\n").rename(p.path / ".envrc")
        self.ask_until(process, "EROFS", "write", ".envrc")
        self.assertEqual(self.ask(process, "read", ".envrc"), "saved")
        self.assertEqual(self.end(process), (0, ""))
        self.assertEqual(self.quarantined(p), [])

    def test_a_hidden_file_is_hidden_again(self):
        p = self.project()
        p.write(".env.production", "secret")
        p.venv()
        p.wrap()
        p.policy("filesystem: {hide: [.env.production, late]}\n")
        process = self.begin(p)
        self.assertEqual(self.ask(process, "read", ".env.production"), "")
        p.write("new", "more secret").rename(p.path / ".env.production")
        p.write("new", "secret, too").rename(p.path / "late")
        self.ask_until(process, "", "read", ".env.production")
        self.ask_until(process, "", "read", "late")
        self.assertEqual(self.end(process), (0, ""))
        self.assertEqual((p.path / "late").read_text(), "secret, too")

    def test_a_replaced_directory_is_protected_again(self):
        p = self.project()
        p.write("sub/inner/.git/config", "old")
        p.venv()
        p.wrap()
        process = self.begin(p)
        (p.path / "sub").rename(p.path / "before")
        p.write("sub/inner/.git/config", "new")
        self.ask_until(process, "EROFS", "write", "sub/inner/.git/config")
        self.assertEqual(self.end(process), (0, ""))

    def test_a_saved_file_that_nobody_protects_can_be_written(self):
        """The control."""
        p = self.project()
        p.write(".envrc", "old\n")
        p.venv()
        p.wrap()
        p.policy("filesystem: {protect: ['!.envrc']}\n")
        process = self.begin(p)
        p.write("new", "saved").rename(p.path / ".envrc")
        self.assertEqual(self.ask(process, "write", ".envrc"), "4")
        self.assertEqual(self.end(process), (0, ""))

    def test_what_appears_is_gone_at_once(self):
        p = self.wrapped()
        process = self.begin(p)
        self.assertEqual(self.ask(process, "make", "deep/down/.vscode"), "made")
        self.assertTrue(wait_for(lambda: not (p.path / "deep/down/.vscode").exists()))
        (p.path / ".theia").mkdir()
        self.ask_until(process, "ENOENT", "write", ".theia/settings.json")
        status, said = self.end(process)
        self.assertEqual(status, 0, said)
        self.assertIn("'deep/down/.vscode'", said)
        self.assertIn("'.theia'", said)

    def test_a_daemon_is_watched_after_the_program(self):
        p = self.wrapped()
        code = """
import os, sys, time
if os.fork(): sys.exit(0)
os.setsid()
for fd in (0, 1, 2): os.close(fd)
time.sleep(0.3); os.makedirs("x/.idea"); time.sleep(0.5); open("done", "w")
"""
        began = time.monotonic()
        done = p.code(code)
        self.assert_clean(done)
        self.assertTrue(wait_for((p.path / "done").exists))
        self.assertTrue(wait_for(lambda: not (p.path / "x/.idea").exists()))
        self.assertTrue(wait_for(lambda: "appeared x/.idea" in tool("log", p.env_dir).stdout))
        self.assertGreater(time.monotonic() - began, 0.5)

    def test_nobody_waits_for_the_watching(self):
        """Pipes of a program end with it, and nothing of ours lives on."""
        p = self.wrapped()
        process = self.begin(p)
        self.assertEqual(self.end(process), (0, ""))
        self.assertTrue(wait_for(lambda: not descendants(os.getpid())))


class Races(Planting):
    def test_directories_that_are_swapped_for_links(self):
        """While the launcher looks, a program swaps directories for links to the host."""
        p = self.wrapped()
        outside = p.top / "outside"
        (outside / ".git").mkdir(parents=True)
        (outside / "__pycache__").mkdir()
        (outside / ".git" / "config").write_text("mine")
        (outside / "__pycache__" / "x.pyc").write_text("mine")
        (p.path / "sub").mkdir()
        code = """
import os, sys, time
if os.fork(): sys.exit(0)
os.setsid()
for fd in (0, 1, 2): os.close(fd)
end = time.monotonic() + 3
while time.monotonic() < end:
    for name in ("sub", "new"):
        try:
            os.rename(name, name + "-dir")
        except OSError: pass
        try:
            os.symlink(sys.argv[1], name)
            os.unlink(name)
        except OSError: pass
        try:
            os.makedirs(name + "-dir/.git", exist_ok=True)
            open(name + "-dir/.git/config", "w").close()
            os.rename(name + "-dir", name)
        except OSError: pass
"""
        touched = time.time()
        self.assertEqual(p.code(code, outside).returncode, 0)
        while time.time() < touched + 3:
            done = p.code("open('x', 'a').write('x')")
            self.assertIn(done.returncode, (0, 125), done.stderr)
        self.assertEqual((outside / ".git" / "config").read_text(), "mine")
        self.assertEqual((outside / "__pycache__" / "x.pyc").read_text(), "mine")
        time.sleep(0.3)
        self.assertEqual(p.code("pass").returncode, 0)
