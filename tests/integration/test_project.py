"""The writable project as a way to programs of the host: what appears in it, and what was there."""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unittest

import support
from support import Case, run, system_python, tool, wait_for

GIT = shutil.which("git")
IDENTITY = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t.invalid", "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@t.invalid", "GIT_CONFIG_GLOBAL": "/dev/null"}

# A directory that is taken away as soon as it appears is filled before it gets its name: a slow
# program would find it gone.
MAKE = """
import os, sys
for name in sys.argv[1:]:
    parts = name.split("/")
    hidden = [number for number, part in enumerate(parts[:-1]) if part.startswith(".")]
    target = "/".join(parts[:hidden[0] + 1]) if hidden else ""
    path = name.replace(target, "made-beforehand", 1) if hidden and not os.path.exists(target) else name
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    open(path, "w").write("evil")
    if path != name:
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        os.rename("made-beforehand", target)
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


def git(*words, cwd):
    if not GIT:
        raise unittest.SkipTest("no git on this machine")
    env = support.environment(**IDENTITY)
    return run(GIT, *words, cwd=cwd, env=env, check=True).stdout


class ProjectCase(Case):
    def quarantined(self, p):
        base = p.env_dir / "sandbox" / "quarantine"
        return sorted(str(path.relative_to(stamp)) for stamp in base.iterdir()
                      for path in stamp.rglob("*") if not path.is_dir())

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
        return run(system_python(), "-B", "-c", code, *words, cwd=str(p.path), check=True)


class Appearing(ProjectCase):
    def test_protected_names_go_to_the_quarantine(self):
        p = self.wrapped()
        names = [".envrc", ".vscode/tasks.json", "sub/.idea/x.xml", "a/b/c/.git/hooks/post-commit"]
        said = self.make(p, "kept.txt", "sub/kept.txt", *names)
        for name in names:
            self.assertFalse((p.path / name).exists(), name)
        self.assertEqual((p.path / "kept.txt").read_text(), "evil")
        self.assertEqual((p.path / "sub" / "kept.txt").read_text(), "evil")
        self.assertEqual(self.quarantined(p), sorted(names))
        for line in said.splitlines():  # one, but for a slow program
            self.assertTrue(line.startswith("sandbox-venv: "), said)
        self.assertIn("'.envrc'", said)

    def test_outside_they_can_be_made(self):
        p = self.project()
        self.native(p, MAKE, ".envrc", "a/.git/config")
        self.assertTrue((p.path / "a" / ".git" / "config").exists())

    def test_honest_programs_hear_nothing(self):
        p = self.wrapped()
        for _ in range(3):
            self.assert_clean(p.code(MAKE, "build/out.txt", "data.json", "deep/er/x"))
        self.assertEqual(self.quarantined(p), [])

    def test_a_directory_of_one_run_is_watched_in_the_next(self):
        p = self.wrapped()
        self.make(p, "new/dir/file")
        self.make(p, "new/dir/.envrc")
        self.assertFalse((p.path / "new/dir/.envrc").exists())
        self.assertTrue((p.path / "new/dir/file").exists())

    def test_links_and_other_kinds_of_files(self):
        p = self.wrapped()
        code = "import os; os.symlink('/etc', '.vscode'); os.symlink('x', '.git'); "
        done = p.code(code + "os.mkfifo('.envrc')")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in (".vscode", ".git", ".envrc"):
            self.assertFalse(os.path.lexists(p.path / name), name)

    def test_a_renamed_directory_is_found(self):
        p = self.wrapped()
        code = "import os; os.makedirs('x/y'); open('x/y/config', 'w'); os.rename('x', 'mine'); "
        done = p.code(code + "os.rename('mine/y', 'mine/.git')")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((p.path / "mine/.git").exists())

    def test_permissions_do_not_hold_a_name(self):
        p = self.wrapped()
        code = ("import os; os.makedirs('d'); os.makedirs('x/x'); open('x/config', 'w'); "
                "os.chmod('x/x', 0); fd = os.open('x', os.O_RDONLY); "
                "os.rename('x', 'd/.git'); os.fchmod(fd, 0); os.chmod('d', 0o500)")
        done = p.code(code)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.lexists(p.path / "d/.git"))
        os.chmod(p.path / "d", 0o700)

    def test_a_deep_tree_is_told_where_it_is(self):
        p = self.wrapped()
        code = ("import os; os.makedirs('x/' + 'd/' * 200); open('x/config', 'w').close(); "
                "os.rename('x', '.git')")
        done = p.code(code)
        said = done.stderr
        self.assertEqual(done.returncode, 0, said)
        self.assertFalse((p.path / ".git").exists())
        self.assertIn(".git/config", self.quarantined(p))
        self.assertIn(".sandbox-venv-taken-", said)

    def test_the_project_does_not_become_writable_for_others(self):
        p = self.wrapped()
        p.path.chmod(0o755)
        done = p.code("import os; os.chmod('.', 0o777)")
        self.assertEqual(p.path.stat().st_mode & 0o777, 0o755)
        self.assertIn("writable for other users", done.stderr)
        self.assert_clean(p.code("import os; os.chmod('.', 0o700)"))
        self.assertEqual(p.path.stat().st_mode & 0o777, 0o700)

    def test_a_name_can_be_allowed(self):
        p = self.wrapped(policy="filesystem: {protect: ['!.envrc']}\n")
        self.assert_clean(p.code(MAKE, ".envrc", "sub/.envrc"))
        self.assertTrue((p.path / "sub/.envrc").exists())

    def test_a_granted_name_stays(self):
        p = self.project()
        p.venv()
        (p.path / ".vscode").mkdir()
        p.wrap()
        p.policy(f"filesystem: {{write: ['{p.path}/.vscode']}}\n")
        self.assert_clean(p.code(MAKE, ".vscode/settings.json"))
        self.assertTrue((p.path / ".vscode/settings.json").exists())

    def test_names_with_control_bytes_are_escaped(self):
        p = self.wrapped()
        said = self.make(p, "evil\x1b]0;x\x07/.envrc")
        self.assertIn("sandbox-venv: ", said)
        self.assertNotIn("\x1b", said)

    def test_the_log_and_status_tell(self):
        p = self.wrapped()
        self.make(p, ".envrc")
        shown = tool("log", p.env_dir, check=True).stdout
        self.assertIn("appeared .envrc", shown)
        self.assertIn("sandbox/quarantine", tool("status", p.env_dir, check=True).stdout)

    def test_what_fails_is_cleaned_up_after_too(self):
        p = self.wrapped()
        done = p.code(MAKE + "\nos.abort()", ".envrc")
        self.assertEqual(done.returncode, -6)
        self.assertFalse((p.path / ".envrc").exists())

    def test_a_working_directory_in_the_quarantine_leads_nowhere(self):
        """A daemon whose directory is taken away must not get to where the sandbox is decided."""
        p = self.wrapped()
        (p.path / "out").mkdir()
        code = """
import json, os, sys, time
os.makedirs("x/inner"); open("x/inner/x", "w"); os.chdir("x/inner"); os.rename("../../x", "../../.vscode")
if os.fork(): sys.exit(0)
os.setsid()
for fd in (0, 1, 2): os.close(fd)
found = []
for _ in range(150):
    up = ""
    for _ in range(7):
        up += "../"
        try: found += [name for name in os.listdir(up) if name in ("policy.yaml", "manifest.json")]
        except OSError: pass
    time.sleep(0.01)
with open(sys.argv[1] + "/out/told", "w") as file: file.write(json.dumps(found))
"""
        done = p.code(code, str(p.path))
        self.assertEqual(done.returncode, 0, done.stderr)
        told = p.path / "out" / "told"
        self.assertTrue(wait_for(lambda: told.exists() and told.read_text()))
        self.assertEqual(json.loads(told.read_text()), [])
        self.assertFalse((p.path / ".vscode").exists())

    def test_what_the_user_made_between_runs_stays(self):
        p = self.wrapped()
        self.make(p, "sub/file")
        (p.path / "sub" / ".vscode").mkdir()
        (p.path / "sub" / ".vscode" / "mine.json").write_text("{}")
        self.assertEqual(self.write(p, "sub/.vscode/mine.json"),
                         {"sub/.vscode/mine.json": "EROFS"})
        self.assertEqual((p.path / "sub/.vscode/mine.json").read_text(), "{}")
        self.assertEqual(self.quarantined(p), [])


class Repositories(ProjectCase):
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
        self.protected(p, ".git", str(main / ".git" / "config"),
                       str(main / ".git" / "worktrees" / "tree" / "HEAD"))
        code = "import subprocess; print(subprocess.run(['git', 'log', '--format=%s'], stdout=-1).stdout)"
        done = p.code(code)
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

    FORMS = {
        "a worktree's part": ({"HEAD": "ref: refs/heads/x\n", "commondir": ".\n"}, {}),
        "HEAD is a link": ({"objects/x": "", "refs/x": ""}, {"HEAD": "refs/heads/x"}),
        "objects and refs are links": ({"HEAD": "ref: refs/heads/x\n"},
                                       {"objects": "/usr", "refs": "/usr"}),
        "a reference table": ({"HEAD": "ref: refs/heads/.invalid\n", "objects/x": "",
                               "refs/heads": "", "reftable/tables.list": ""}, {}),
    }

    def test_forms_that_were_there(self):
        """Whatever git may take for a repository, now or when a name has come."""
        p = self.project()
        p.venv()
        for number, (files, links) in enumerate(self.FORMS.values()):
            for name, text in files.items():
                p.write(f"forms/{number}/{name}", text)
            for name, target in links.items():
                (p.path / "forms" / str(number)).mkdir(parents=True, exist_ok=True)
                (p.path / "forms" / str(number) / name).symlink_to(target)
        p.wrap()
        for number, what in enumerate(self.FORMS):
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
                self.assertEqual(git("rev-parse", "--abbrev-ref", "HEAD", cwd=folder).strip(),
                                 branch)
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
        self.make(p, "bare/config", "bare/objects/x", "bare/refs/x", "bare/HEAD",
                  "src/objects/x", "src/refs/x", "src/HEAD", "linked/commondir", "linked/HEAD")
        self.assertFalse((p.path / "bare").exists())
        self.assertFalse((p.path / "linked").exists())
        self.assertFalse((p.path / "src" / "HEAD").exists())
        self.assertEqual((p.path / "src" / "code.py").read_text(), "x = 1\n")

    BARE = """
import contextlib, os, sys
def bare(path):
    for name in ("objects", "refs"): os.makedirs(path + "/" + name)
    open(path + "/config", "w").close()
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
        done = p.code(self.BARE + """
bare("old"); close("old")
bare("new"); close("new")
os.mkdir("x"); open("x/config", "w").close(); os.rename("x", "oldest/.git"); close("oldest")
bare("outer/inner"); close("outer/inner"); close("outer", 0)
os.mkdir("shut"); close("shut", 0)
""")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("old/HEAD", "new", "oldest/.git", "outer/inner/HEAD"):
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
        process = p.spawn("python", "-c", self.BARE + """
close("closed")
print("up", flush=True); input()
bare("src"); bare("new"); bare("closed")
print("made", flush=True); input()
""", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.stdout.readline()
            time.sleep(0.3)
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            for name in ("src/HEAD", "closed/HEAD", "new/HEAD"):
                gone = wait_for(lambda: not os.path.lexists(p.path / name), support.TIMEOUT)
                self.assertTrue(gone, name)
            self.assertIsNone(process.poll())
        finally:
            process.communicate(b"\n", timeout=support.TIMEOUT)
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
        code = "import os; os.unlink('code/.git'); os.makedirs('code/.git'); open('code/.git/config', 'w')"
        done = p.code(code)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.lexists(p.path / "code" / ".git"))

    def test_a_commit_during_a_run(self):
        p = self.project()
        git("init", "-q", cwd=p.path)
        p.venv()
        p.wrap()
        p.write("a.txt", "1")
        process = p.spawn("python", "-c", "input()", stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE)
        try:
            time.sleep(0.3)
            git("add", "a.txt", cwd=p.path)
            git("commit", "-q", "-m", "first", cwd=p.path)
        finally:
            _, said = process.communicate(b"\n", timeout=support.TIMEOUT)
        self.assertEqual((process.returncode, said), (0, b""))
        self.assertEqual(git("log", "--format=%s", cwd=p.path).strip(), "first")


class Bytecode(ProjectCase):
    FORGE = """
import importlib._bootstrap_external as b, os, sys
source, target = sys.argv[1:]
st = os.stat(source)
data = b._code_to_timestamp_pyc(compile("value = 666", source, "exec"), int(st.st_mtime), st.st_size)
os.makedirs(os.path.dirname(target), exist_ok=True)
open(target, "wb").write(data)
"""

    def setUp(self):
        self.p = self.wrapped()
        self.p.write("pkg/__init__.py", "")
        self.source = self.p.write("pkg/mod.py", "value = 1\n")
        self.cache = pathlib.Path(importlib.util.cache_from_source(str(self.source)))

    def host_value(self):
        return run(sys.executable, "-c", "import pkg.mod; print(pkg.mod.value)",
                   cwd=str(self.p.path), check=True,
                   env=support.environment(PYTHONDONTWRITEBYTECODE=None)).stdout.strip()

    def test_forged_byte_code_is_removed(self):
        self.assert_clean(self.p.code(self.FORGE, self.source, self.cache))
        self.assertEqual(self.host_value(), "1")

    def test_it_would_run_otherwise(self):
        run(sys.executable, "-B", "-c", self.FORGE, self.source, self.cache, check=True)
        self.assertEqual(self.host_value(), "666")

    def test_byte_code_of_the_host_stays_and_cannot_be_changed_unseen(self):
        self.assertEqual(self.host_value(), "1")
        before = self.cache.read_bytes()
        self.assert_clean(self.p.code("import sys; sys.path.insert(0, '.'); import pkg.mod"))
        self.assertEqual(self.cache.read_bytes(), before)
        self.assert_clean(self.p.code(self.FORGE, self.source, self.cache))
        self.assertFalse(self.cache.exists())
        self.assertEqual(self.host_value(), "1")

    def test_no_directories_are_left(self):
        self.assert_clean(self.p.code("import sys; sys.path.insert(0, '.'); import pkg.mod"))
        self.assertFalse(self.cache.parent.exists())

    def test_it_can_be_kept(self):
        self.p.policy("filesystem: {protect: ['!__pycache__']}\n")
        self.assert_clean(self.p.code("import sys; sys.path.insert(0, '.'); import pkg.mod",
                                      env=support.environment(PYTHONDONTWRITEBYTECODE=None)))
        self.assertTrue(self.cache.parent.exists())


class Venvs(ProjectCase):
    def test_one_below_a_directory_is_read_only(self):
        p = self.project()
        p.venv()
        run(system_python(), "-m", "venv", "--without-pip", p.path / "envs" / "other", check=True)
        p.wrap()
        told = self.write(p, "envs/other/bin/activate", "envs/other/pyvenv.cfg",
                          "envs/other/bin/new")
        self.assertEqual(set(told.values()), {"EROFS"}, told)

    def test_one_that_programs_made_stays_theirs(self):
        p = self.wrapped()
        code = "import sys, venv; venv.create('env', symlinks=True)"
        for _ in range(2):
            self.assert_clean(p.code(code))
        self.assertEqual(self.write(p, "env/bin/activate"), {"env/bin/activate": "ok"})
        self.make(p, "env/.envrc")
        self.assertFalse((p.path / "env/.envrc").exists())


class Running(ProjectCase):
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
        process = p.spawn("python", "-u", "-c", self.WAITING, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
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
        _, said = process.communicate(timeout=support.TIMEOUT)
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
        children = lambda: support.descendants(os.getpid())
        self.assertEqual(self.end(process), (0, ""))
        self.assertTrue(wait_for(lambda: not children()))


class Races(ProjectCase):
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


if __name__ == "__main__":
    unittest.main()
