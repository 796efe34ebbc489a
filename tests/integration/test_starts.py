"""Starts while an editor saves and git works beside them.

By hand, for longer: SVENV_STARTS=64 at once, for SVENV_STARTS_SECONDS=60."""

import os
import shutil
import subprocess
import threading
import time

from lib.plants import Planting
from lib.programs import SECONDS

AT_ONCE = int(os.environ.get("SVENV_STARTS", "4"))
DURATION = float(os.environ.get("SVENV_STARTS_SECONDS", "4"))


class Beside(Planting):
    def git(self, p, *words):
        told = subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", p.path, *words],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return told.stderr if told.returncode else ""

    def until_over(self, work):
        def repeat():
            number = 0
            while not self.over:
                number += 1
                work(number)

        thread = threading.Thread(target=repeat)
        thread.start()
        self.threads.append(thread)

    def starts(self, p, *works):
        """Starts programs beside the works. Returns those that failed."""
        self.over, self.threads, failed = False, [], []
        count = [0]

        def start(_):
            done = p.code("pass")
            count[0] += 1
            if done.returncode != 0:
                failed.append((done.returncode, done.stderr))

        for work in works:
            self.until_over(work)
        for _ in range(AT_ONCE):
            self.until_over(start)
        time.sleep(DURATION)
        self.over = True
        for thread in self.threads:
            thread.join()
        self.assertGreaterEqual(count[0], AT_ONCE)
        return failed

    def test_an_editor_that_saves(self):
        p = self.project()
        p.write(".envrc", "0")
        p.venv()
        p.wrap()

        def save(number):
            p.write("saved.new", str(number)).rename(p.path / ".envrc")
            # A second save before the first was looked at may be a program's, and stops it.
            time.sleep(0.00125 * AT_ONCE)

        self.assertEqual(self.starts(p, save), [])
        self.assertTrue((p.path / ".envrc").exists())
        self.assertEqual(self.quarantined(p), [])

    @staticmethod
    def forget(p, name):
        shutil.rmtree(p.path / name, ignore_errors=True)

    def test_repositories_that_come_and_go(self):
        """As a test suite makes them, among the starts of programs."""
        p = self.wrapped()

        def make(number):
            self.forget(p, f"r{number % 3}")
            self.git(p, "init", "-q", f"r{number % 3}")
            time.sleep(0.05)

        self.assertEqual(self.starts(p, make), [])

    def test_git_switches_branches(self):
        p = self.project()
        p.write(".envrc", "0")
        p.write(".gitignore", ".venv\n")
        self.assertEqual(self.git(p, "init", "-q", "-b", "a"), "")
        self.git(p, "add", ".envrc", ".gitignore")
        self.assertEqual(self.git(p, "commit", "-q", "-m", "0"), "")
        self.git(p, "checkout", "-q", "-b", "b")
        p.write(".envrc", "1")
        self.assertEqual(self.git(p, "commit", "-q", "-a", "-m", "1"), "")
        p.venv()
        p.wrap()
        told = []

        def switch(number):
            told.append(self.git(p, "checkout", "-q", "ab"[number % 2]))
            time.sleep(0.01)

        self.assertEqual(self.starts(p, switch), [])
        self.assertEqual([text for text in told if text], [])
        self.assertEqual(self.git(p, "diff", "--exit-code"), "")
