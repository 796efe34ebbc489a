"""The user's own git beside programs that run: nothing of the user's is taken, and what programs
write at the same moment is taken all the same."""

import os
import shutil
import time
import unittest

from lib.plants import Beside
from lib.processes import wait_for
from lib.programs import must, run

GIT = shutil.which("git")
WHO = {
    "GIT_AUTHOR_NAME": "x",
    "GIT_AUTHOR_EMAIL": "x@example.org",
    "GIT_COMMITTER_NAME": "x",
    "GIT_COMMITTER_EMAIL": "x@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "file",
}
NAMES = {
    ".vscode/settings.json": "{}\n",
    ".vscode/tasks.json": '{"version": "2.0.0"}\n',
    ".envrc": "export A=1\n",
    ".gitattributes": "*.png binary\n",
    "sub/.github/workflows/x.yml": "on: push\n",
    "AGENTS.md": "read this\n",
}
WAIT = "import sys\nprint('ready', flush=True)\nsys.stdin.read()\n"


class BesideGit(Beside):
    def setUp(self):
        super().setUp()
        if GIT is None:
            raise unittest.SkipTest("no git on this machine")

    def git(self, p, *words, cwd=None):
        env = {"PATH": os.environ["PATH"], "HOME": str(p.top), **WHO}
        return must(GIT, *words, cwd=str(cwd or p.path), env=env).stdout

    def repository(self):
        """On main; `other` adds, changes and removes protected names."""
        p = self.project()
        p.write(".gitignore", ".venv\n")
        p.write(".flake8", "[flake8]\n")
        p.write(".pylintrc", "[MAIN]\n")
        p.write("code.py", "1\n")
        self.git(p, "init", "-q", "-b", "main")
        self.git(p, "add", ".")
        self.git(p, "commit", "-q", "-m", "first")
        self.git(p, "checkout", "-q", "-b", "other")
        for name, text in NAMES.items():
            p.write(name, text)
        p.write(".flake8", "[flake8]\nmax-line-length = 100\n")
        (p.path / ".pylintrc").unlink()
        self.git(p, "add", "-A")
        self.git(p, "commit", "-q", "-m", "second")
        self.git(p, "checkout", "-q", "main")
        p.venv()
        p.wrap()
        return p

    def begin(self, p, code=WAIT, *words):
        return super().begin(p, code, *words)

    def status(self, p, cwd=None):
        return self.git(p, "status", "--porcelain", cwd=cwd)


class Work(BesideGit):
    """Each with one program, and with five."""

    def beside(self, work, prepare=lambda p: None):
        for count in (1, 5):
            with self.subTest(programs=count):
                p = self.repository()
                prepare(p)
                processes = [self.begin(p) for _ in range(count)]
                time.sleep(0.5)  # the watching begins a tenth of a second after the start
                work(p)
                time.sleep(0.3)
                for process in processes:
                    self.assertEqual(self.end(process), (0, ""))
                self.assertEqual(self.quarantined(p), [])
                self.assertEqual(self.status(p), "")

    def test_checkout(self):
        def work(p):
            self.git(p, "checkout", "-q", "other")
            time.sleep(1.5)
            for name, text in NAMES.items():
                self.assertEqual((p.path / name).read_text(), text)

        self.beside(work)

    def test_checkout_there_and_back(self):
        def work(p):
            for branch in ("other", "main", "other"):
                self.git(p, "checkout", "-q", branch)

        self.beside(work)

    def test_pull(self):
        def work(p):
            self.git(p, "clone", "-q", "--bare", ".", p.top / "origin")
            self.git(p, "pull", "-q", p.top / "origin", "other")

        self.beside(work)

    def test_stash(self):
        def work(p):
            self.git(p, "stash", "pop", "-q")
            time.sleep(1.5)
            self.assertEqual(self.status(p), "A  .vscode/new.json\n?? new.py\n")
            self.git(p, "stash", "-q", "-u")
            time.sleep(1.5)

        def prepare(p):
            p.write(".vscode/new.json", "{}")
            p.write("new.py", "1")
            self.git(p, "add", ".vscode")
            self.git(p, "stash", "-q", "-u")

        self.beside(work, prepare)

    def test_untracked_names_of_a_stash_come_back(self):
        """No index has them, so they are taken, and the line names the way back."""
        p = self.repository()
        p.write(".envrc", "export B=1\n")
        self.git(p, "stash", "-q", "-u")
        process = self.begin(p)
        time.sleep(0.5)
        self.git(p, "stash", "pop", "-q")
        wait_for(lambda: self.quarantined(p) == [".envrc"])
        code, said = self.end(process)
        self.assertEqual(code, 0)
        self.assertIn("quarantine restore", said)

    def test_init_and_clone(self):
        def work(p):
            origin = p.top / "origin"
            self.git(p, "init", "-q", "-b", "main", origin)
            (origin / "code.py").write_text("1")
            self.git(p, "add", ".", cwd=origin)
            self.git(p, "commit", "-q", "-m", "first", cwd=origin)
            self.git(p, "init", "-q", "new")
            self.git(p, "clone", "-q", origin, p.path / "cloned")
            for _ in range(2):
                self.assertEqual(self.status(p, cwd=p.path / "cloned"), "")
                self.git(p, "status", cwd=p.path / "new")
                time.sleep(0.3)
            shutil.rmtree(p.path / "cloned")
            shutil.rmtree(p.path / "new")

        self.beside(work)

    def test_a_worktree(self):
        def work(p):
            self.git(p, "worktree", "add", "-q", "tree", "other")
            time.sleep(1.5)
            self.assertEqual(self.status(p, cwd=p.path / "tree"), "")
            self.git(p, "worktree", "remove", "tree")

        self.beside(work)

    def test_a_submodule(self):
        def work(p):
            self.git(p, "clone", "-q", "--branch", "other", ".", p.top / "lib")
            add = ("-c", "protocol.file.allow=always", "submodule")
            self.git(p, *add, "--quiet", "add", p.top / "lib", "lib")
            self.git(p, "commit", "-q", "-m", "third")
            time.sleep(1.5)
            self.assertEqual(self.status(p), "")
            self.git(p, *add, "--quiet", "update", "--init")
            self.assertEqual(self.status(p, cwd=p.path / "lib"), "")

        self.beside(work)

    def conflict(self, p, name, ours, theirs):
        """Makes a rebase stop at the file, and goes on with `ours` and more."""
        self.git(p, "checkout", "-q", "other")
        p.write(name, theirs)
        self.git(p, "add", "-f", name)
        self.git(p, "commit", "-q", "-m", "theirs")
        self.git(p, "checkout", "-q", "main")
        p.write(name, ours)
        self.git(p, "add", "-f", name)
        self.git(p, "commit", "-q", "-m", "ours")
        env = {"PATH": os.environ["PATH"], "HOME": str(p.top), **WHO, "GIT_EDITOR": "true"}
        rebase = run(GIT, "rebase", "-q", "other", cwd=str(p.path), env=env)
        self.assertNotEqual(rebase.returncode, 0)
        time.sleep(1.5)
        p.write(name, ours + theirs)
        self.git(p, "add", "-f", name)
        must(GIT, "rebase", "--continue", cwd=str(p.path), env=env)
        time.sleep(1.5)

    def test_a_rebase_with_conflicts(self):
        self.beside(lambda p: self.conflict(p, "data.txt", "1\n", "2\n"))

    def test_a_conflict_in_a_protected_name_is_told(self):
        """No index has a content with git's marks in it."""
        p = self.repository()
        process = self.begin(p)
        time.sleep(0.5)
        self.conflict(p, ".flake8", "[flake8]\nignore = E1\n", "max-line-length = 9\n")
        status, said = self.end(process)
        self.assertEqual(status, 0, said)
        self.assertIn("quarantine restore", said)
        self.assertIn(".flake8", self.quarantined(p))

    def test_a_merge_with_renames(self):
        def work(p):
            self.git(p, "checkout", "-q", "-b", "moved", "other")
            self.git(p, "mv", "sub", "moved")
            self.git(p, "mv", ".vscode/tasks.json", ".vscode/launch.json")
            self.git(p, "commit", "-q", "-m", "third")
            self.git(p, "checkout", "-q", "other")
            p.write("sub/.github/workflows/x.yml", "on: pull_request\n")
            self.git(p, "commit", "-q", "-a", "-m", "fourth")
            self.git(p, "clone", "-q", "--bare", ".", p.top / "origin")
            self.git(p, "pull", "-q", "--no-rebase", "--no-edit", p.top / "origin", "moved")
            time.sleep(1.5)
            name = p.path / "moved/.github/workflows/x.yml"
            self.assertEqual(name.read_text(), "on: pull_request\n")

        self.beside(work)

    def test_clean(self):
        def work(p):
            p.write("new/y.py", "1")
            self.git(p, "clean", "-q", "-fd")
            self.assertFalse((p.path / "new/y.py").exists())

        def prepare(p):
            p.write("new/x.py", "1")
            p.write("new/.idea/x.xml", "x")

        self.beside(work, prepare)

    def test_renames(self):
        def work(p):
            (p.path / ".git").rename(p.path / ".git.old")
            (p.path / "pkg").rename(p.path / "other")
            time.sleep(0.5)
            self.assertTrue((p.path / "other/.idea/x.xml").exists())
            self.assertTrue((p.path / "other/own/.git/config").exists())
            (p.path / ".git.old").rename(p.path / ".git")
            (p.path / "other").rename(p.path / "pkg")
            time.sleep(0.5)

        def prepare(p):
            p.write("pkg/.idea/x.xml", "x")
            p.write("pkg/own/.git/config", "x")
            p.write(".git/info/exclude", "pkg\n")

        self.beside(work, prepare)

    def test_many_files(self):
        p = self.repository()
        self.git(p, "checkout", "-q", "-b", "many")
        for number in range(1950):
            p.write(f"d{number % 50}/f{number}.py", f"{number}\n")
        for number in range(50):
            p.write(f"d{number}/.vscode/settings.json", f"{{}}\n{number}\n")
        self.git(p, "add", ".")
        self.git(p, "commit", "-q", "-m", "third")
        self.git(p, "checkout", "-q", "main")
        process = self.begin(p)
        time.sleep(0.5)
        self.git(p, "checkout", "-q", "many")
        time.sleep(1.5)
        self.assertEqual(self.end(process), (0, ""))
        self.assertEqual(self.status(p), "")
        self.assertEqual(self.quarantined(p), [])

    def test_short_programs(self):
        p = self.repository()
        for branch in ("other", "main") * 5:
            process = self.begin(p)
            self.git(p, "checkout", "-q", branch)
            self.assertEqual(self.end(process), (0, ""))
            self.assertEqual(self.status(p), "")
        self.assertEqual(self.quarantined(p), [])
