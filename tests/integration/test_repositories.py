"""Repositories in and around the project."""

import os
import shutil
import subprocess
import time
import unittest

from lib.environment import environment
from lib.plants import Planting
from lib.programs import SECONDS, run

GIT = shutil.which("git")


IDENTITY = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@t.invalid",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@t.invalid",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def git(*words, cwd):
    if not GIT:
        raise unittest.SkipTest("no git on this machine")
    env = environment(**IDENTITY)
    return run(GIT, *words, cwd=cwd, env=env, check=True).stdout


class Repositories(Planting):
    def protected(self, p, *names):
        told = self.write(p, *names)
        self.assertTrue(all(word in ("EROFS", "EACCES") for word in told.values()), told)

    def test_nested_repositories(self):
        p = self.project()
        git("init", "-q", "vendor/lib", cwd=p.path)
        p.venv()
        p.wrap()
        self.protected(p, "vendor/lib/.git/config", "vendor/lib/.git/hooks/post-checkout")
        done = p.code("import os; os.rename('vendor', 'other')")
        self.assertIn("busy", done.stderr)

    def test_the_same_outside(self):
        p = self.project()
        git("init", "-q", "vendor/lib", cwd=p.path)
        self.native(p, "import os; os.rename('vendor', 'other')")
        self.assertTrue((p.path / "other/lib/.git").exists())

    def test_a_worktree(self):
        p = self.project(name="tree")
        main = p.top / "main"
        main.mkdir()
        git("init", "-q", cwd=main)
        git("commit", "-q", "--allow-empty", "-m", "x", cwd=main)
        p.path.rmdir()
        git("worktree", "add", "-q", p.path, cwd=main)
        p.venv()
        p.wrap()
        self.protected(
            p,
            ".git",
            str(main / ".git" / "config"),
            str(main / ".git" / "worktrees" / "tree" / "HEAD"),
        )
        done = p.code(
            "import subprocess as s\n"
            "print(s.run(['git', 'log', '--format=%s'], stdout=-1).stdout)\n"
        )
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "b'x\\n'"), done.stderr)

    def test_a_forged_git_file_shows_nothing(self):
        """What .git names is shown only when it names the project in turn."""
        p = self.project()
        secret = p.top / "elsewhere"
        (secret / "worktrees" / "x").mkdir(parents=True)
        (secret / "worktrees" / "x" / "gitdir").write_text("/nowhere/.git\n")
        (secret / "worktrees" / "x" / "commondir").write_text("../..\n")
        (secret / "secret").write_text("canary")
        p.write(".git", f"gitdir: {secret}/worktrees/x\n")
        p.venv()
        p.wrap()
        done = p.code(f"import os; print(os.path.exists({str(secret / 'secret')!r}))")
        self.assertEqual(done.stdout.strip(), "False", done.stderr)

    def test_a_submodule_and_a_separate_directory(self):
        p = self.project()
        git("init", "-q", "--separate-git-dir", p.path / "store", "code", cwd=p.path)
        p.venv()
        p.wrap()
        self.protected(p, "code/.git", "store/config", "store/hooks/post-commit")

    def test_a_bare_repository_that_was_there(self):
        p = self.project()
        git("init", "-q", "--bare", "bare", cwd=p.path)
        p.venv()
        p.wrap()
        self.protected(p, "bare/config", "bare/hooks/post-receive")

    def test_a_bare_repository_that_appears(self):
        p = self.wrapped()
        (p.path / "src").mkdir()
        (p.path / "src" / "code.py").write_text("x = 1\n")
        self.make(
            p,
            "bare/HEAD",
            "bare/config",
            "bare/objects/x",
            "bare/refs/x",
            "src/HEAD",
            "src/objects/x",
            "src/refs/x",
            "linked/HEAD",
            "linked/commondir",
        )
        self.assertFalse((p.path / "bare").exists())
        self.assertFalse((p.path / "linked").exists())
        self.assertFalse((p.path / "src" / "HEAD").exists())
        self.assertEqual((p.path / "src" / "code.py").read_text(), "x = 1\n")

    def test_a_linked_git_directory(self):
        """.git is a symlink into the project: the link below the top, what it names protected."""
        p = self.project()
        git("init", "-q", "code", cwd=p.path)
        (p.path / "code" / ".git").rename(p.path / "code" / "real")
        (p.path / "code" / ".git").symlink_to("real")
        p.venv()
        p.wrap()
        self.protected(p, "code/.git/config", "code/real/config")
        done = p.code(
            "import os\n"
            "os.makedirs('code/g'); open('code/g/config', 'w')\n"
            "os.unlink('code/.git'); os.rename('code/g', 'code/.git')\n"
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.lexists(p.path / "code" / ".git"))

    def test_a_commit_during_a_run(self):
        p = self.project()
        git("init", "-q", cwd=p.path)
        p.venv()
        p.wrap()
        p.write("a.txt", "1")
        process = p.spawn("python", "-c", "input()", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            time.sleep(0.3)
            git("add", "a.txt", cwd=p.path)
            git("commit", "-q", "-m", "first", cwd=p.path)
        finally:
            _, said = process.communicate(b"\n", timeout=SECONDS)
        self.assertEqual((process.returncode, said), (0, b""))
        self.assertEqual(git("log", "--format=%s", cwd=p.path).strip(), "first")
