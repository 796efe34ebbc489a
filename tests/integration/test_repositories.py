"""Repositories in and around the project."""

import os
import shutil
import subprocess
import time
import unittest

from lib.environment import environment
from lib.plants import Planting
from lib.processes import wait_for
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


FORMS = {
    "a worktree's part": ({"HEAD": "ref: refs/heads/x\n", "commondir": ".\n"}, {}),
    "HEAD is a link": ({"objects/x": "", "refs/x": ""}, {"HEAD": "refs/heads/x"}),
    "objects and refs are links": (
        {"HEAD": "ref: refs/heads/x\n"},
        {"objects": "/usr", "refs": "/usr"},
    ),
    "a reference table": (
        {
            "HEAD": "ref: refs/heads/.invalid\n",
            "objects/x": "",
            "refs/heads": "",
            "reftable/tables.list": "",
        },
        {},
    ),
}


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

    LINKS = """
import os
home = os.path.expanduser("~")
root = [line.split()[3] for line in open("/proc/self/mountinfo") if line.split()[4] == "/tmp"][0]
def repository(base):
    for name in ("objects", "refs"):
        os.makedirs(f"{base}/.git/{name}")
    open(base + "/.git/HEAD", "w").write("ref: refs/heads/main\\n")
    config = '[core]\\n\\trepositoryformatversion = 0\\n\\tfsmonitor = "echo EVIL >&2; false"\\n'
    open(base + "/.git/config", "w").write(config)
os.symlink(".venv/home/late", "late")
os.symlink("missing/../.venv/home/tools", "around")
repository(home + "/tools")
repository("/tmp/work")
os.makedirs("sub")
os.symlink("../.venv/home/tools", "sub/tools")
os.symlink(root + "/work", "work")
os.symlink("sub", "honest")
os.symlink("/tmp/else", "dangling")
"""

    def test_links_into_private_directories(self):
        """Programs write their home and /tmp freely, and the host sees both under other names."""
        p = self.wrapped()
        done = p.code(self.LINKS)
        self.assertIn("programs on the host obey", done.stderr)
        for name in ("late", "around", "sub/tools", "work"):
            self.assertFalse(os.path.lexists(p.path / name), name)
        for name in ("honest", "dangling"):
            self.assertTrue((p.path / name).is_symlink(), name)
        # The control: such a link, made by a person, is obeyed.
        os.symlink(".venv/home/tools", p.path / "own")
        said = run("git", "status", "--short", cwd=p.path / "own").stderr
        self.assertIn("EVIL", said)
        self.assertEqual(p.code("pass").stderr, "")
        self.assertTrue((p.path / "own").is_symlink(), "it was there before")

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
        code = (
            "import subprocess\n"
            "print(subprocess.run(['git', 'log', '--format=%s'], stdout=-1).stdout)\n"
        )
        done = p.code(code)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "b'x\\n'"), done.stderr)

    def test_a_forged_git_file_shows_nothing(self):
        """The directory that .git names is shown only when it names the project in turn."""
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

    def test_forms_that_were_there(self):
        """Directories that git may take for a repository, now or when a name has come."""
        p = self.project()
        p.venv()
        for number, (files, links) in enumerate(FORMS.values()):
            for name, text in files.items():
                p.write(f"forms/{number}/{name}", text)
            for name, target in links.items():
                (p.path / "forms" / str(number)).mkdir(parents=True, exist_ok=True)
                (p.path / "forms" / str(number) / name).symlink_to(target)
        p.wrap()
        for number, what in enumerate(FORMS):
            with self.subTest(what):
                self.protected(p, f"forms/{number}/config", f"forms/{number}/hooks")

    def test_the_user_works_in_all_of_them(self):
        """Worktrees, submodules and bare repositories of a wrapped project, with the user's git."""
        p = self.project()
        allow = ("-c", "protocol.file.allow=always")
        git("init", "-q", "-b", "main", cwd=p.path)
        git("commit", "-q", "--allow-empty", "-m", "first", cwd=p.path)
        git("clone", "-q", "--bare", ".", p.top / "origin", cwd=p.path)
        git("clone", "-q", "--bare", p.top / "origin", "bare", cwd=p.path)
        git(*allow, "submodule", "--quiet", "add", p.top / "origin", "module", cwd=p.path)
        git("worktree", "add", "-q", "tree", cwd=p.path)
        p.venv()
        p.wrap()
        for where, branch in (("bare", "a"), ("module", "b"), ("tree", "c"), (".", "d")):
            with self.subTest(where):
                folder = p.path / where
                self.assert_clean(p.code("pass"))
                if where != "bare":
                    git("commit", "-q", "--allow-empty", "-m", "second", cwd=folder)
                git("branch", branch, cwd=folder)
                git("symbolic-ref", "HEAD", "refs/heads/" + branch, cwd=folder)
                git("gc", "-q", cwd=folder)
                self.assert_clean(p.code("open('out.txt', 'a').write('x')"))
                self.assertEqual(
                    git("rev-parse", "--abbrev-ref", "HEAD", cwd=folder).strip(), branch
                )
                git("fsck", "--strict", cwd=folder)

    def test_a_directory_that_is_none_any_more(self):
        """The user takes a repository apart: the next start may write there."""
        p = self.project()
        git("init", "-q", "--bare", "bare", cwd=p.path)
        p.venv()
        p.wrap()
        self.protected(p, "bare/config")
        (p.path / "bare" / "HEAD").unlink()
        self.assertEqual(self.write(p, "bare/data"), {"bare/data": "ok"})

    def own_repository(self):
        """A project that is a repository itself, with its venv in it."""
        p = self.project()
        git("init", "-q", "--bare", ".", cwd=p.path)
        p.venv()
        p.wrap()
        return p

    def test_the_project_is_a_repository(self):
        p = self.own_repository()
        self.protected(p, "config", "HEAD", "hooks/post-receive", "objects/x", "refs/heads/x")
        said = self.make(p, "commondir", "config.worktree", "worktrees", "kept/out.txt")
        self.assertIn("config.worktree", said)
        for name in ("commondir", "config.worktree", "worktrees"):
            self.assertFalse((p.path / name).exists(), name)
        self.assertTrue((p.path / "kept/out.txt").exists())
        self.assertTrue((p.path / "HEAD").exists())

    def test_the_user_works_in_it(self):
        p = self.own_repository()
        source = p.top / "source"
        git("clone", "-q", p.path, source, cwd=p.top)
        git("commit", "-q", "--allow-empty", "-m", "first", cwd=source)
        git("push", "-q", "origin", "HEAD:refs/heads/main", cwd=source)
        git("symbolic-ref", "HEAD", "refs/heads/main", cwd=p.path)
        git("worktree", "add", "-q", "tree", "main", cwd=p.path)
        self.assert_clean(p.code("open('out.txt', 'w').write('x')"))
        git("config", "user.name", "someone", cwd=p.path)
        git("gc", "-q", cwd=p.path)
        self.assert_clean(p.code("open('tree/data.txt', 'w').write('x')"))
        self.protected(p, "config", "HEAD", "worktrees/tree/commondir", "tree/.git")
        self.assertEqual(git("log", "--format=%s", cwd=p.path / "tree").strip(), "first")
        self.assertEqual(self.quarantined(p), [])

    def test_the_user_makes_the_project_one_between_runs(self):
        p = self.wrapped()
        self.assert_clean(p.code("open('out.txt', 'w').write('x')"))
        git("init", "-q", "--bare", ".", cwd=p.path)
        self.protected(p, "config", "hooks/post-receive")
        self.assert_clean(p.code("open('more.txt', 'w').write('x')"))
        self.assertTrue((p.path / "HEAD").exists())

    def test_the_project_becomes_one_from_inside(self):
        p = self.wrapped()
        self.make(p, "config", "objects/x", "refs/x", "HEAD")
        self.assertFalse((p.path / "HEAD").exists())

    def test_a_repository_around_the_venv(self):
        """Between the project that the user named and the venv; its name could be a pattern."""
        p = self.project()
        inner = p.path / "in*ner"
        inner.mkdir()
        git("init", "-q", "--bare", ".", cwd=inner)
        p.venv(name="in*ner/venv")
        p.wrap("--project", p.path)
        self.protected(p, "in*ner/config", "in*ner/HEAD")
        self.assertEqual(self.write(p, "in*ner/data"), {"in*ner/data": "ok"})
        self.assertIn("commondir", self.make(p, "in*ner/commondir"))
        self.assertFalse((inner / "commondir").exists())
        self.assertTrue((inner / "HEAD").exists())

    def test_a_bare_repository_that_appears(self):
        p = self.wrapped()
        (p.path / "src").mkdir()
        (p.path / "src" / "code.py").write_text("x = 1\n")
        self.make(
            p,
            "bare/config",
            "bare/objects/x",
            "bare/refs/x",
            "bare/HEAD",
            "src/objects/x",
            "src/refs/x",
            "src/HEAD",
            "linked/commondir",
            "linked/HEAD",
        )
        for name in ("bare/HEAD", "bare/config", "linked"):
            self.assertFalse((p.path / name).exists(), name)
        self.assertTrue((p.path / "bare/objects/x").exists(), "the contents stay")
        self.assertFalse((p.path / "src" / "HEAD").exists())
        self.assertEqual((p.path / "src" / "code.py").read_text(), "x = 1\n")

    BARE = """
import contextlib, os, sys
def bare(path):
    for name in ("objects", "refs"): os.makedirs(path + "/" + name)
    with open(path + "/config", "w") as file: file.write("[core]\\n\\tfsmonitor = x\\n")
    with open(path + "/HEAD", "w") as file: file.write("ref: refs/heads/x\\n")
def close(path, mode=0o300):
    with contextlib.suppress(FileNotFoundError): os.chmod(path, mode)
"""

    def test_a_closed_directory_hides_nothing(self):
        """git passes through a directory that nobody can list."""
        p = self.project()
        p.venv()
        for name in ("old", "oldest", "outer/inner", "mine"):
            p.write(name + "/code.py", "x = 1\n")
        p.wrap()
        mine = p.path / "mine"
        mine.chmod(0)
        self.addCleanup(mine.chmod, 0o700)
        # The launcher asks the clock that files are stamped by, CLOCK_REALTIME_COARSE.
        wait_for(lambda: time.clock_gettime_ns(5) > mine.stat().st_ctime_ns)
        done = p.code(
            self.BARE
            + """
bare("old"); close("old")
bare("new"); close("new")
os.mkdir("x"); open("x/config", "w").close(); os.rename("x", "oldest/.git"); close("oldest")
bare("outer/inner"); close("outer/inner"); close("outer", 0)
os.mkdir("shut"); close("shut", 0)
"""
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("old/HEAD", "new/HEAD", "oldest/.git", "outer/inner/HEAD"):
            self.assertFalse(os.path.lexists(p.path / name), name)
        self.assertEqual(mine.stat().st_mode & 0o777, 0)

    def test_the_same_closed_outside(self):
        p = self.project()
        self.native(p, self.BARE + "bare('old'); close('old')")
        self.addCleanup((p.path / "old").chmod, 0o700)
        self.assertEqual(git("-C", "old", "rev-parse", "--git-dir", cwd=p.path).strip(), ".")

    def test_a_directory_becomes_one_while_the_program_runs(self):
        p = self.project()
        p.venv()
        p.write("src/code.py", "x = 1\n")
        p.write("closed/code.py", "x = 1\n")
        p.wrap()
        process = p.spawn(
            "python",
            "-c",
            self.BARE
            + """
close("closed")
print("up", flush=True); input()
bare("src"); bare("new"); bare("closed")
print("made", flush=True); input()
""",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            process.stdout.readline()
            time.sleep(0.3)
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            for name in ("src/HEAD", "closed/HEAD", "new/HEAD"):
                gone = wait_for(lambda name=name: not os.path.lexists(p.path / name), SECONDS)
                self.assertTrue(gone, name)
            self.assertIsNone(process.poll())
        finally:
            process.communicate(b"\n", timeout=SECONDS)
        self.assertTrue((p.path / "src" / "code.py").exists())

    def test_a_linked_git_directory(self):
        """.git is a symlink into the project: the link below the top, what it names protected."""
        p = self.project()
        git("init", "-q", "code", cwd=p.path)
        (p.path / "code" / ".git").rename(p.path / "code" / "real")
        (p.path / "code" / ".git").symlink_to("real")
        p.venv()
        p.wrap()
        self.protected(p, "code/.git/config", "code/real/config")
        code = (
            "import os\n"
            "os.makedirs('code/g'); open('code/g/config', 'w')\n"
            "os.unlink('code/.git'); os.rename('code/g', 'code/.git')\n"
        )
        done = p.code(code)
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


class PrivateHome(Planting):
    """The private home lies in the venv, where the user and tools of the host may come."""

    def test_its_top_holds_nothing_that_the_host_runs(self):
        p = self.wrapped()
        home, mark = p.env_dir / "home", p.top / "mark"
        git("init", "-q", str(home), cwd=p.top)
        git("config", "core.fsmonitor", f"touch '{mark}'; false", cwd=home)
        git("status", cwd=home)
        self.assertTrue(mark.exists(), "the control")
        mark.unlink()
        done = p.code("import pathlib; (pathlib.Path.home() / '.envrc').write_text('evil')")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, "obey 'home/.envrc' and 1 more, which programs left")
        self.assertFalse((home / ".git").exists() or (home / ".envrc").exists())

    def test_a_plain_repository_stays(self):
        p = self.wrapped()
        git("init", "-q", "--template=", str(p.env_dir / "home"), cwd=p.top)
        self.assert_clean(p.code("pass"))
        self.assertTrue((p.env_dir / "home" / ".git" / "HEAD").exists())
