"""Installers whose launcher was killed: the next start looks at what they left."""

import fcntl
import subprocess

import test_log

from lib import packages
from lib.processes import wait_for
from lib.programs import SECONDS, tool


class KilledInstall(test_log.LogCase):
    """An install that was cut short is looked at late."""

    def setUp(self):
        super().setUp()
        self.p = self.project().venv(pip=True)
        self.p.wrap()

    def kill_in_build(self):
        """An install whose build plants a repository, killed with its launcher after that."""
        tree, mark = self.p.top / "planter", self.p.env_dir / ".git" / "config"
        (tree / "planter").mkdir(parents=True)
        (tree / "planter" / "__init__.py").write_text("")
        (tree / "pyproject.toml").write_text(
            '[project]\nname = "planter"\nversion = "1.0"\n[build-system]\nrequires = []\n'
            'build-backend = "backend"\nbackend-path = ["."]\n'
        )
        (tree / "backend.py").write_text(
            packages.BACKEND
            + f"""
top = "{mark.parent}"
os.makedirs(top)
open(top + "/HEAD", "w").write("ref: refs/heads/main\\n")
open(top + "/config", "w").write("[core]\\n")
__import__("time").sleep({SECONDS})
"""
        )
        words = ("-m", "pip", "install", "--no-index", "--no-build-isolation", tree)
        child = self.p.spawn("python", *words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(mark.exists)
        child.kill()
        child.wait()

    def test_an_install_that_was_killed_is_looked_at_by_the_next_start(self):
        mine = self.p.env_dir / "src" / "mine" / ".git"
        mine.mkdir(parents=True)
        (mine / "HEAD").write_text("ref: refs/heads/main\n")
        self.kill_in_build()
        wait_for(lambda: tool("status", self.p.env_dir, "--check").returncode != 0)
        self.assertIn("ended without its last look", tool("status", self.p.env_dir).stdout)
        done = self.p.code("pass")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, "an installer that began at 20.* ended without its last look")
        self.assertIn("programs on the host obey '.git', which an installer left", done.stderr)
        self.assertFalse((self.p.env_dir / ".git").exists())
        self.assertTrue(mine.exists(), "it was there before")
        line = self.lines("install")[-1]
        self.assertEqual((line["obeyed"], line["late"]), ([".git"], True))
        self.assertIn("looked at late", self.shown(self.p.env_dir)[-1])
        self.assertFalse((self.p.env_dir / "sandbox" / "installing").exists())
        self.assert_clean(self.p.code("pass"))
        self.assertEqual(tool("status", self.p.env_dir, "--check").returncode, 0)

    def test_a_list_that_was_cut_short_counts_as_empty(self):
        (self.p.env_dir / ".envrc").write_text("echo EVIL\n")
        lists = self.p.env_dir / "sandbox" / "installing"
        lists.mkdir(mode=0o700)
        (lists / "1-0").write_bytes(b"0lib/cut")
        done = self.p.code("pass")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((self.p.env_dir / ".envrc").exists())
        self.assertEqual(self.lines("install")[-1]["obeyed"], [".envrc"])
        self.assertFalse(lists.exists())

    def test_lists_of_installers_that_run_are_left_alone(self):
        lists = self.p.env_dir / "sandbox" / "installing"
        lists.mkdir(mode=0o700)
        with open(lists / "1-0", "w", encoding="utf-8") as file:
            file.write("0")
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX)
            self.assert_clean(self.p.code("pass"))
            self.assertTrue((lists / "1-0").exists())
