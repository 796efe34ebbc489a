"""Bad input of every kind: one clear line that says what, where and what to do, and no harm done."""

import ctypes
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

import support
from support import AS_ROOT, PREFIX, TOOL, Case, environment, impossible, run, skip, tool
from test_wrap import snapshot

BAD_POLICIES = {
    # text, where, what
    "unknown key": ("version: 1\nnetwrok: {mode: none}\n", "2:1", "netwrok"),
    "unknown nested key": ("version: 1\nfilesystem:\n  projekt: ro\n", "3:3", "projekt"),
    "duplicate": ("version: 1\nnetwork: {mode: none}\nnetwork: {mode: host}\n", "3:1", "network"),
    "duplicate nested": ("version: 1\nlimits: {memory: 1G, memory: 2G}\n", "2:", "memory"),
    "wrong type, list": ("version: 1\nnetwork: [none]\n", "2:", "network"),
    "wrong type, map": ("version: 1\nfilesystem:\n  read: {a: b}\n", "3:", "read"),
    "wrong type, number": ("version: 1\nlimits: {processes: many}\n", "2:21", "limits.processes"),
    "wrong word": ("version: 1\nnetwork: {mode: nope}\n", "2:", "nope"),
    "anchor": ("version: 1\nfilesystem: &x {project: ro}\n", "2:", "anchor"),
    "alias": ("version: 1\nfilesystem: *x\n", "2:", ""),
    "tag": ("version: 1\nfilesystem: !!map {project: ro}\n", "2:", "tag"),
    "merge key": ("version: 1\nfilesystem:\n  <<: {project: ro}\n", "3:", "<<"),
    "nested brackets": ("version: 1\nx: " + "[" * 40000 + "\n", "2:", ""),
    "nested block": ("version: 1\n" + "".join(" " * i + f"k{i}:\n" for i in range(40)), "", ""),
    "no version": ("filesystem: {project: ro}\n", "", "version"),
    "other version": ("version: 2\n", "1:", "version"),
    "tab": ("version: 1\nfilesystem:\n\tproject: ro\n", "3:", ""),
    "not UTF-8": (b"version: 1\n# \xff\xfe\nfilesystem: {project: ro}\n", "2:", ""),
    "NUL": (b"version: 1\nfilesystem: {read: [/a\x00b]}\n", "2:", ""),
    "two documents": ("version: 1\n---\nversion: 1\n", "", ""),
    "a list": ("- version: 1\n", "1:", ""),
    "a word": ("nonsense\n", "1:", ""),
    "unclosed": ("version: 1\nfilesystem: {read: [\n", "", ""),
    "relative path": ("version: 1\nfilesystem: {read: [../x]}\n", "2:", "../x"),
    "negative limit": ("version: 1\nlimits: {processes: -1}\n", "2:21", "limits.processes"),
    "huge limit": ("version: 1\nlimits: {memory: 99999999999999999999G}\n", "2:", ""),
    "network broker": ("version: 1\nnetwork: {mode: broker}\n", "2:", "broker"),
    "unknown profile": ("version: 1\nprofile: no-such\n", "2:", "no-such"),
    "profile with a path": ("version: 1\nprofile: ../../etc/passwd\n", "2:", ""),
    "unknown system call": ("version: 1\nsyscalls: {deny: [no_such_call]}\n", "2:", "no_such_call"),
}

# Text of pyvenv.cfg, and what the line must say. {python}: the directory of the interpreter.
BAD_CONFIGS = {
    "empty": (b"", "home"),
    "no home": (b"version = 3.11.2\n", "home"),
    "empty home": (b"home = \nversion = 3.11\n", "home"),
    "relative home": (b"home = bin\n", "home"),
    "home that is gone": (b"home = /nonexistent/bin\n", "/nonexistent/bin"),
    "NUL": (b"home = /usr/bin\x00/evil\n", "pyvenv.cfg:1"),
    "NUL elsewhere": (b"home = /usr/bin\nx = a\x00b\n", "pyvenv.cfg:2"),
    "over-long home": (b"home = /" + b"x" * 70000 + b"\n", ""),
    "long home": (b"home = /" + b"x" * 5000 + b"\n", "pyvenv.cfg:1"),
    "too large": (b"home = /usr/bin\n" + b"# filler\n" * 200000, "pyvenv.cfg"),
    "binary": (bytes(range(256)) * 4, "pyvenv.cfg"),
}

# bubblewrap options: unknown, refused, incomplete, nonsense.
BAD_OPTIONS = [
    (["--no-such-option"], 2, "--no-such-option"),
    (["--seccomp", "3"], 2, "--seccomp"),
    (["--userns", "3"], 2, "--userns"),
    (["--args", "3"], 2, "--args"),
    (["--block-fd", "3"], 2, "--block-fd"),
    (["--overlay-src", "/tmp"], 2, "--overlay-src"),
    (["--ro-bind", "/usr"], 2, "--ro-bind"),
    (["--", "--ro-bind", "/nonexistent/x", "/x"], 125, "/nonexistent/x"),
    (["--", "--no-such-option"], 2, "--no-such-option"),
    (["--", "--bind", "/", "/"], 125, ""),
    (["--setenv", "A"], 2, "--setenv"),
    (["--", "python"], 2, "python"),
    (["--ro-bind", "", "/x"], 2, ""),
]


class BadCase(Case):
    def plain(self, **options):
        project = self.project(**options).venv()
        project.script("tool", "print('tool')\n")
        return project

    def assert_unharmed(self, project, before, done, saying=None, status=125):
        """Refused in one line, and the venv is as it was."""
        self.assert_refused(done, status=status, saying=saying)
        self.assertLess(len(done.stderr), 800)
        self.assertEqual(snapshot(project.env_dir), before)


class NoVenv(BadCase):
    """What is given is no virtual environment."""

    def test_nothing_there(self):
        project = self.project()
        self.assert_refused(tool("wrap", project.path / "none"), saying="none")
        self.assert_refused(tool(cwd=project.path), saying="sandbox-venv create .venv")
        for command in ("unwrap", "status", "run", "shell"):
            words = ["--", "true"] if command == "run" else []
            self.assert_refused(tool(command, project.path / "none", *words), saying="none")
            self.assert_refused(tool(command, *words, cwd=project.path), saying=".venv")
        self.assert_refused(tool("policy", "show", project.path / "none"), saying="none")
        self.assertEqual(list(project.path.iterdir()), [])

    def test_not_a_venv(self):
        project = self.project()
        project.write("file", "x")
        (project.path / "empty").mkdir()
        (project.path / "conda/conda-meta").mkdir(parents=True)
        (project.path / "dangling").symlink_to("nowhere")
        (project.path / "loop").symlink_to("loop")
        os.mkfifo(project.path / "fifo")
        for name, text in (("file", "not a directory"), ("empty", "not a virtualenv"),
                           ("conda", "conda"), ("dangling", "dangling"), ("loop", "loop"),
                           ("fifo", "not a directory"), ("file/x", "file/x"),
                           ("x" * 300, "name too long"), ("a/" * 3000, "a/a/a")):
            with self.subTest(name[:20]):
                done = tool("wrap", project.path / name)
                self.assert_refused(done)
                self.assertIn(text.lower(), done.stderr.lower())
        before = snapshot(project.path)
        self.assert_refused(tool("wrap", project.path), saying="not a virtualenv")
        self.assertEqual(snapshot(project.path), before)

    def test_hint_to_the_venv_inside(self):
        project = self.plain()
        self.assert_refused(tool("wrap", project.path), saying=f"{project.path}/.venv")

    def test_no_bin(self):
        for make in (lambda path: None, lambda path: path.write_text(""),
                     lambda path: path.symlink_to("/usr/bin"), os.mkfifo):
            project = self.plain()
            shutil.rmtree(project.env_dir / "bin")
            make(project.env_dir / "bin")
            before = snapshot(project.env_dir)
            done = project.wrap(check=False)
            self.assert_unharmed(project, before, done, saying="bin")

    def test_no_interpreter(self):
        project = self.plain()
        for path in (project.env_dir / "bin").glob("python*"):
            path.unlink()
        before = snapshot(project.env_dir)
        self.assert_unharmed(project, before, project.wrap(check=False),
                             saying="no Python interpreter")

    def test_dangling_interpreter(self):
        for target in ("/nonexistent/python3", "python-gone", "python"):
            project = self.plain()
            for path in (project.env_dir / "bin").glob("python*"):
                path.unlink()
                path.symlink_to(target)
            before = snapshot(project.env_dir)
            self.assert_unharmed(project, before, project.wrap(check=False))

    def test_interpreter_that_is_none(self):
        project = self.plain()
        for path in (project.env_dir / "bin").glob("python*"):
            path.unlink()
            path.symlink_to("/etc/passwd")
        before = snapshot(project.env_dir)
        self.assert_unharmed(project, before, project.wrap(check=False), saying="/etc/passwd")

    def test_configurations(self):
        for name, (text, saying) in BAD_CONFIGS.items():
            with self.subTest(name):
                project = self.plain()
                for path in (project.env_dir / "bin").glob("python*"):
                    path.unlink()
                    shutil.copy2(support.system_python(), path)
                (project.env_dir / "pyvenv.cfg").write_bytes(text)
                before = snapshot(project.env_dir)
                self.assert_unharmed(project, before, project.wrap(check=False), saying=saying)

    def test_configuration_with_long_lines_that_don_t_matter(self):
        project = self.plain()
        config = project.env_dir / "pyvenv.cfg"
        filler = "y" * 180
        text = config.read_text() + f"command = /{'x' * 3000}\n"
        # Split at 199 characters, this line would become a second key `home`.
        text += "command2 = /" + "x" * (199 - len("command2 = /")) + f"home = /evil/{filler}\n"
        config.write_text(text)
        project.wrap()
        manifest = json.loads((project.env_dir / "sandbox/manifest.json").read_text())
        self.assertNotIn("evil", manifest["home"])
        self.assertEqual(project.code("print(1)").stdout, "1\n")

    def test_configuration_that_is_no_file(self):
        for make in (os.mkfifo, os.mkdir, lambda path: path.symlink_to("/etc/shadow"),
                     lambda path: path.symlink_to("/dev/zero")):
            project = self.plain()
            config = project.env_dir / "pyvenv.cfg"
            config.unlink()
            make(config)
            before = snapshot(project.env_dir)
            self.assert_unharmed(project, before, project.wrap(check=False, timeout=10),
                                 saying="pyvenv.cfg")

    def test_home_as_project(self):
        project = self.project(home=True)
        project.venv()
        done = project.wrap("--project", support.HOME, check=False)
        self.assert_refused(done)
        self.assert_refused(project.wrap("--project", "/", check=False))
        self.assert_refused(project.wrap("--project", "/nonexistent/x", check=False),
                            saying="/nonexistent/x")
        self.assertFalse((project.env_dir / "sandbox").exists())


class Policies(BadCase):
    @classmethod
    def setUpClass(cls):
        cls.p = support.Project()
        cls.addClassCleanup(cls.p.close)
        cls.p.venv()
        cls.p.wrap()
        cls.file = cls.p.env_dir / "sandbox/policy.yaml"
        cls.good = cls.file.read_bytes()

    def setUp(self):
        self.addCleanup(self.restore)

    def restore(self):
        if self.file.is_symlink() or self.file.exists():
            if self.file.is_dir() and not self.file.is_symlink():
                self.file.rmdir()
            else:
                self.file.unlink()
        self.file.write_bytes(self.good)
        self.file.chmod(0o600)

    def put(self, text):
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def test_texts(self):
        """A bad policy stops `policy check`, the start, and wrapping again, each in one line."""
        for name, (text, where, what) in BAD_POLICIES.items():
            with self.subTest(name):
                self.put(text)
                asked = time.monotonic()
                for done in (tool("policy", "check", self.p.env_dir, timeout=20),
                             self.p.code("print('ran')", timeout=20),
                             tool("wrap", self.p.env_dir, timeout=20)):
                    self.assert_refused(done, saying="policy")
                    self.assertIn(what, done.stderr)
                    if where:
                        self.assertIn(f"policy.yaml:{where}", done.stderr)
                self.assertLess(time.monotonic() - asked, 5.0)
                self.assertEqual(self.file.read_bytes(),
                                 text if isinstance(text, bytes) else text.encode())
                done = tool("status", self.p.env_dir, "--check")
                self.assertEqual(done.returncode, 1)
        self.restore()
        self.assert_clean(self.p.code("pass"))

    def test_named_file_is_not_taken(self):
        for name, (text, where, what) in BAD_POLICIES.items():
            with self.subTest(name):
                bad = self.p.path / "bad.yaml"
                bad.write_bytes(text if isinstance(text, bytes) else text.encode())
                done = tool("wrap", self.p.env_dir, "--policy", bad)
                self.assert_refused(done, saying=what)
                if where:
                    self.assertIn(f"bad.yaml:{where}", done.stderr)
                self.assertEqual(self.file.read_bytes(), self.good)
                self.assert_clean(self.p.code("pass"))
        for bad in (self.p.path / "none.yaml", "/nonexistent/x.yaml", "no-such-profile", "/dev/zero",
                    self.p.path):
            self.assert_refused(tool("wrap", self.p.env_dir, "--policy", bad, timeout=10))
        self.assertEqual(self.file.read_bytes(), self.good)
        self.assertEqual(list(self.file.parent.glob("policy.yaml.*")), [])

    def test_ten_megabytes(self):
        self.put(b"version: 1\n" + b"# filler filler filler\n" * 450000)
        for done in (tool("policy", "check", self.p.env_dir, timeout=20),
                     self.p.code("print('ran')", timeout=20)):
            self.assert_refused(done, saying="policy.yaml")

    def test_no_regular_file(self):
        for make in (os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero"),
                     lambda path: path.symlink_to("nowhere")):
            self.file.unlink()
            make(self.file)
            for done in (tool("policy", "check", self.p.env_dir, timeout=10),
                         self.p.code("print('ran')", timeout=10),
                         tool("wrap", self.p.env_dir, timeout=10)):
                self.assert_refused(done, saying="policy.yaml")
            self.restore()
        self.assert_clean(self.p.code("pass"))

    def test_written_by_others(self):
        for mode in (0o622, 0o620, 0o666, 0o777):
            self.file.chmod(mode)
            for done in (tool("policy", "check", self.p.env_dir), self.p.code("print('ran')")):
                self.assert_refused(done, saying="refused")
                self.assertIn("chmod go-w", done.stderr)
            self.file.chmod(0o600)
        sandbox = self.file.parent
        sandbox.chmod(0o777)
        try:
            self.assert_refused(self.p.code("print('ran')"))
            self.assert_refused(tool("wrap", self.p.env_dir))
        finally:
            sandbox.chmod(0o700)
        self.assert_clean(self.p.code("pass"))

    def test_owned_by_another(self):
        if not AS_ROOT:
            impossible("only root can give files away")
        os.chown(self.file, 65534, 65534)
        for done in (tool("policy", "check", self.p.env_dir), self.p.code("print('ran')")):
            self.assert_refused(done, saying="another user")

    def test_unreadable(self):
        if AS_ROOT:
            impossible("permissions don't hold root")
        self.file.chmod(0)
        for done in (tool("policy", "check", self.p.env_dir), self.p.code("print('ran')")):
            self.assert_refused(done, saying="policy.yaml")

    def test_gone(self):
        """No policy is the default policy: nothing becomes weaker."""
        self.file.unlink()
        done = self.p.code("import os; print(os.path.exists('/.sandbox-venv'))")
        self.assertIn((done.returncode, done.stdout), ((0, "True\n"), (125, "")), done.stderr)

    def test_a_source_below_dev_that_becomes_another_kind(self):
        """What the plan was made with says how it is mounted: when it changes, so does the plan."""
        top = pathlib.Path(tempfile.mkdtemp(prefix="svenv-test-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, top)
        source = top / "source"
        self.put(f"version: 1\nfilesystem: {{mounts: [{{dev-bind: [{source}, /mnt/x]}}]}}\n")
        look = "import os; print(os.path.isdir('/mnt/x'), os.path.isfile('/mnt/x'))"
        for make, remove, seen in ((source.mkdir, source.rmdir, "True False\n"),
                                   (source.touch, source.unlink, "False True\n")) * 2:
            make()
            for _ in range(2):
                done = self.p.code(look)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, seen, ""))
            remove()
            self.assert_refused(self.p.code(look), saying="policy.yaml:2")
        # One that becomes the other between two starts.
        source.mkdir()
        self.assertEqual(self.p.code(look).stdout, "True False\n")
        source.rmdir()
        source.touch()
        self.assertEqual(self.p.code(look).stdout, "False True\n")

    def test_policy_in_the_project_is_not_obeyed(self):
        for name in ("sandbox-venv.yaml", "policy.yaml", ".sandbox-venv.yaml"):
            self.p.write(name, "nonsense: [\n")
        self.assert_clean(self.p.code("pass"))


class Entries(BadCase):
    """Odd things in bin."""

    def test_odd_kinds(self):
        project = self.plain()
        bin_dir = project.env_dir / "bin"
        os.mkfifo(bin_dir / "fifo", 0o755)
        (bin_dir / "directory").mkdir()
        (bin_dir / "dangling").symlink_to("/nonexistent/x")
        (bin_dir / "loop").symlink_to("loop")
        (bin_dir / "up").symlink_to("../..")
        (bin_dir / "empty").touch(0o755)
        (bin_dir / "no-interpreter").write_text("#!/nonexistent/python\n")
        (bin_dir / "no-interpreter").chmod(0o755)
        (bin_dir / "just-text").write_text("text")
        (bin_dir / "just-text").chmod(0o755)
        (bin_dir / "sparse").touch(0o755)
        os.truncate(bin_dir / "sparse", 1 << 34)
        names = [b"line\nbreak", b"quo'te\"`$(id)", b"\xff\xfe", b"-rf", b" blank ", b"\x1b[31mred",
                 b"back\\slash", b"%2e%2e", b"x" * 255, "ünïcode".encode(), b"..."]
        for name in names:
            path = os.fsencode(bin_dir) + b"/" + name
            with open(path, "wb") as out:
                out.write(b"#!/bin/sh\necho ran\n")
            os.chmod(path, 0o755)
        before = {key: row for key, row in snapshot(project.env_dir).items()}
        done = project.wrap(timeout=30)
        self.assert_clean(done)
        for text in (done.stdout, tool("status", project.env_dir).stdout,
                     tool("status", project.env_dir, "--json").stdout):
            self.assertNotIn("\x1b[31m", text)
            self.assertNotIn("line\nbreak", text)
        json.loads(tool("status", project.env_dir, "--json").stdout)
        self.assertEqual(tool("status", project.env_dir, "--check").returncode, 0)
        for name in names:
            done = subprocess.run([os.fsencode(bin_dir) + b"/" + name], capture_output=True,
                                  timeout=20, env=environment())
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"ran\n", b""), name)
        self.assert_refused(project.run("no-interpreter"), status=127, saying="no-interpreter")
        # Text without a first line for the kernel is a script, as for a shell and execvp(3).
        self.assertEqual(project.run("empty").returncode, 0)
        self.assertEqual(project.run("just-text").returncode, 127)
        project.unwrap("--purge")
        self.assertEqual(snapshot(project.env_dir), before)

    def test_odd_names_that_appear_inside(self):
        """Names that only an installer's packages made are not published when they are odd."""
        project = self.plain()
        project.wrap()
        real = os.fsencode(project.env_dir / "sandbox/bin")
        for name in (b"line\nbreak", b"\x1b[31m", b"\xff", b"-rf", b".hidden", b"git"):
            with open(real + b"/" + name, "wb") as out:
                out.write(b"#!/bin/sh\n")
            os.chmod(real + b"/" + name, 0o755)
        os.mkfifo(real + b"/fifo", 0o755)
        os.mkdir(real + b"/dir")
        os.symlink("/etc/shadow", real + b"/shadow")
        done = project.code("pass", timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        # What is kept back is told once, with the key that lets it out.
        self.assertRegex(done.stderr, r"\Asandbox-venv: 'git' .*publish: \[git\].*\n\Z")
        self.assert_clean(project.code("pass", timeout=20))
        published = {path.name for path in (project.env_dir / "bin").iterdir()}
        self.assertEqual(published & {"line\nbreak", "\x1b[31m", "-rf", ".hidden", "git", "fifo",
                                      "dir", os.fsdecode(b"\xff")}, set())
        self.assertFalse((project.env_dir / "bin/shadow").is_symlink())
        self.assertEqual(tool("status", project.env_dir, "--check").returncode, 0)

    def test_too_many_names_inside(self):
        project = self.plain()
        project.wrap()
        real = project.env_dir / "sandbox/bin"
        for number in range(65540):
            (real / str(number)).touch()
        asked = time.monotonic()
        done = project.code("print('ran')", timeout=60)
        self.assert_refused(done, saying="names")
        self.assertLess(time.monotonic() - asked, 20)
        for number in range(65540):
            (real / str(number)).unlink()
        self.assert_clean(project.code("pass"))
        tool("unwrap", project.env_dir, "--purge")


class Damage(BadCase):
    """Files of ours that were truncated or overwritten."""

    def setUp(self):
        self.p = self.plain()
        self.p.wrap()
        self.sandbox = self.p.env_dir / "sandbox"

    def test_plan(self):
        plan = self.sandbox / "plan"
        whole = plan.read_bytes()
        cases = [b"", b"x", whole + b"x", bytes(len(whole)), os.urandom(len(whole)),
                 b"\xff" * len(whole)]
        cases += [whole[:length] for length in (7, 24, 31, 32, 100, len(whole) - 1)]
        cases += [whole[:length] for length in range(len(whole) // 9, len(whole), len(whole) // 9)]
        for number, data in enumerate(cases):
            with self.subTest(number):
                self.assert_made_again(plan, data)
        for make in (lambda: None, lambda: os.mkfifo(plan), lambda: plan.symlink_to("/etc/passwd")):
            plan.unlink()
            make()
            self.assertEqual(self.p.code("print(1)", timeout=20).stdout, "1\n")
        plan.unlink()
        plan.mkdir()
        done = self.p.code("print(1)")
        self.assertTrue(done.stdout == "1\n" or len(done.stderr.splitlines()) == 1, done.stderr)
        plan.rmdir()
        plan.write_bytes(whole)
        plan.chmod(0o666)
        self.assert_refused(self.p.code("print('ran')"), saying="another user")

    def assert_made_again(self, plan, data):
        """A plan like this stops nobody: the next start makes it again, and the one after keeps
        that."""
        plan.write_bytes(data)
        done = self.p.code("import os; print(os.path.exists('/.sandbox-venv'))")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "True\n", ""))
        made = plan.read_bytes()
        self.assertNotEqual(made, data)
        self.assert_clean(self.p.code("pass"))
        self.assertEqual(plan.read_bytes(), made)

    def test_plan_with_a_changed_byte(self):
        """Some read as plans, of something else: none is obeyed."""
        plan = self.sandbox / "plan"
        whole = plan.read_bytes()
        header = 32
        for at in [*range(0, header, 3), *range(header, len(whole), len(whole) // 60)]:
            with self.subTest(at):
                flipped = bytearray(whole)
                flipped[at] ^= 0x55
                self.assert_made_again(plan, bytes(flipped))

    def test_plan_with_a_hole(self):
        """As a crash of the machine leaves a file that was being written."""
        plan = self.sandbox / "plan"
        whole = plan.read_bytes()
        for at in range(0, len(whole), 8192):
            with self.subTest(at):
                end = min(at + 4096, len(whole))
                self.assert_made_again(plan, whole[:at] + bytes(end - at) + whole[end:])

    def test_damage_is_no_way_around_the_policy(self):
        """What made the policy refuse still does; and a whole plan is left as it is."""
        plan = self.sandbox / "plan"
        policy = self.sandbox / "policy.yaml"
        good = policy.read_text()
        self.assert_clean(self.p.code("pass"))
        whole = plan.read_bytes()
        self.assert_clean(self.p.code("pass"))
        self.assertEqual(plan.read_bytes(), whole)
        policy.write_text(good + "filesystem: {project: sideways}\n")
        self.assert_refused(self.p.code("print('ran')"), saying="sideways")
        for data in (whole[:-1], b"", whole[:100] + b"\xff" + whole[101:]):
            plan.write_bytes(data)
            self.assert_refused(self.p.code("print('ran')"), saying="sideways")

    def test_manifest(self):
        manifest = self.sandbox / "manifest.json"
        whole = manifest.read_bytes()
        for data in (b"", b"{", whole[:len(whole) // 2], whole.replace(b'"version": 1', b'"version": 9'),
                     whole.replace(b'"id"', b'"other"'), whole + b"{}", b"[" * 50000,
                     whole.replace(str(self.p.env_dir).encode(), b"relative"),
                     whole.replace(b'"tool"', b'"../tool"'), b"\x00" * 100,
                     whole.replace(b'"tool"\n', b'"a/b"\n')):
            if data == whole:
                continue
            with self.subTest(data[:40]):
                manifest.write_bytes(data)
                for done in (self.p.code("print('ran')"), tool("wrap", self.p.env_dir)):
                    self.assert_refused(done, saying="manifest")
                done = tool("status", self.p.env_dir, "--check")
                self.assertEqual((done.returncode, done.stderr), (1, ""))
                self.assertIn("manifest", done.stdout)
        self.assertEqual(tool("unwrap", self.p.env_dir).returncode, 0)
        self.assert_clean(self.p.run("tool"))
        self.assertFalse(self.sandbox.exists())

    def test_manifest_gone(self):
        (self.sandbox / "manifest.json").unlink()
        self.assert_refused(self.p.code("print('ran')"), saying="wrap")
        self.p.wrap()
        self.assertEqual(self.p.code("print(1)").stdout, "1\n")
        self.p.unwrap("--purge")
        self.assert_clean(self.p.run("tool"))

    def test_stub_copy(self):
        for data in (b"", b"x", None):
            stub = self.sandbox / "stub"
            if data is None:
                stub.unlink()
            else:
                stub.write_bytes(data)
            done = self.p.code("print(1)")
            self.assertTrue(done.stdout == "1\n" or len(done.stderr.splitlines()) == 1, done.stderr)
            done = tool("wrap", self.p.env_dir)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(self.p.code("print(1)").stdout, "1\n")

    def test_sandbox_directory_gone(self):
        shutil.rmtree(self.sandbox / "etc")
        self.assertEqual(self.p.code("print(1)").stdout, "1\n")
        shutil.rmtree(self.sandbox / "bin")
        done = self.p.code("print('ran')")
        self.assert_refused(done, saying="sandbox/bin")
        self.assert_refused(tool("wrap", self.p.env_dir), saying="sandbox/bin")
        self.assertTrue(os.path.exists(self.p.bin()), "the stubs stay: nothing more is lost")
        shutil.rmtree(self.sandbox)
        self.assert_refused(self.p.code("print('ran')"), saying="wrap")

    def test_sandbox_is_a_link(self):
        other = self.p.top / "other"
        self.sandbox.rename(other)
        self.sandbox.symlink_to(other)
        self.assert_refused(self.p.code("print('ran')"))
        self.assert_refused(tool("wrap", self.p.env_dir))
        self.sandbox.unlink()
        other.rename(self.sandbox)
        self.assertEqual(self.p.code("print(1)").stdout, "1\n")

    def test_stub_outside_of_a_venv(self):
        copy = self.p.top / "python"
        shutil.copy2(self.p.bin("python"), copy)
        self.assert_refused(run(copy, "-c", "print('ran')"), saying="stub")
        (self.p.top / "x/bin").mkdir(parents=True)
        copy = shutil.copy2(self.p.bin("python"), self.p.top / "x/bin/python")
        self.assert_refused(run(copy, "-c", "print('ran')"))

    def test_private_directories_that_are_links(self):
        target = self.p.top / "target"
        target.mkdir()
        for name in ("home", "cache"):
            path = self.p.env_dir / name
            support.remove_tree(path)
            path.symlink_to(target)
            done = self.p.code("import os; open(os.path.expanduser('~/x'), 'w'); "
                               "open(os.path.expanduser('~/.cache/y'), 'w')")
            self.assertEqual(list(target.iterdir()), [], name)
            if done.returncode == 125:
                self.assert_refused(done, saying=name)
            path.unlink()
            path.mkdir(0o700)


class Caller(BadCase):
    """Odd ways of being called."""

    @classmethod
    def setUpClass(cls):
        cls.p = support.Project()
        cls.addClassCleanup(cls.p.close)
        cls.p.venv()
        cls.p.script("tool", "import sys\nprint('tool', sys.argv[1:])\n")
        cls.p.wrap()

    def test_closed_descriptors(self):
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            with self.subTest(closed):
                out = self.p.path / "out"
                out.unlink(missing_ok=True)
                code = f"open({str(out)!r}, 'w').write('ran')"
                done = run("sh", "-c", f'exec "$@" {closed}', "sh", self.p.bin(), "-c", code)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
                self.assertEqual(out.read_text(), "ran")
                before = (self.p.env_dir / "sandbox/policy.yaml").read_bytes()
                self.p.script("fresh", "pass\n")
                done = run("sh", "-c", f'exec "$@" {closed}', "sh", TOOL, "wrap", self.p.env_dir)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual((self.p.env_dir / "sandbox/policy.yaml").read_bytes(), before)
                self.assertEqual(tool("status", self.p.env_dir, "--check").returncode, 0)
                # An error has nowhere to go, least of all into a file.
                done = run("sh", "-c", f'exec "$@" {closed}', "sh", TOOL, "wrap", self.p.env_dir,
                           "--policy", "/nonexistent.yaml")
                self.assertEqual(done.returncode, 125)
                self.assertEqual((self.p.env_dir / "sandbox/policy.yaml").read_bytes(), before)

    def execve(self, path, argv, **options):
        """execve with an argv that Python would not pass."""
        words = (ctypes.c_char_p * (len(argv) + 1))(*argv, None)
        env = (ctypes.c_char_p * 2)(b"PATH=/usr/bin:/bin", None)
        libc = ctypes.CDLL(None, use_errno=True)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.dup2(write, 1)
                os.dup2(write, 2)
                libc.execve(os.fsencode(path), words, env)
            finally:
                os._exit(99)
        os.close(write)
        with os.fdopen(read) as stream:
            text = stream.read()
        _, status = os.waitpid(child, 0)
        return status, text

    def test_empty_argv(self):
        for path in (self.p.bin("tool"), TOOL, self.p.bin("python")):
            status, text = self.execve(path, [])
            self.assertFalse(os.WIFSIGNALED(status), text)
            self.assertNotEqual(os.WEXITSTATUS(status), 99)

    def test_odd_argv0(self):
        for argv0 in (b"", b"nonsense", b"/nonexistent/x", b"\xff", b"x" * 100000):
            status, text = self.execve(self.p.bin("tool"), [argv0, b"a"])
            self.assertEqual((os.WEXITSTATUS(status), text), (0, "tool ['a']\n"), argv0[:20])

    def test_many_and_long_arguments(self):
        words = ["x" * 100000, "", "\n", "-", "--", "ünï", "'"] + [str(n) for n in range(5000)]
        done = self.p.run("tool", *words)
        self.assert_clean(done)
        self.assertEqual(done.stdout, f"tool {words}\n")

    def test_deleted_directory(self):
        where = self.p.top / "gone"
        for command in ([self.p.bin("tool"), "a"], [self.p.bin("python"), "-c", "print('ran')"]):
            where.mkdir()
            script = 'cd "$1"; rmdir "$1"; shift; exec "$@"'
            done = run("sh", "-c", script, "sh", where, *command)
            if done.returncode == 0:
                self.assertEqual(done.stderr, "")
            else:
                self.assert_refused(done, saying="directory")
        where.mkdir()
        done = run("sh", "-c", 'cd "$1"; rmdir "$1"; exec "$2"', "sh", where, TOOL)
        self.assert_refused(done, saying=".venv")
        where.mkdir()
        done = run("sh", "-c", 'cd "$1"; rmdir "$1"; exec "$2" wrap "$3"', "sh", where, TOOL,
                   self.p.env_dir)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_unreadable_directory(self):
        where = self.p.top / "closed"
        where.mkdir(exist_ok=True)
        done = run("sh", "-c", 'cd "$1"; chmod 0 "$1"; exec "$2" -c "print(1)"', "sh", where,
                   self.p.bin())
        where.chmod(0o755)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "1\n", ""))

    def test_bubblewrap_options(self):
        """On a wrapped venv the policy stays, and one that is not wrapped stays so."""
        names = set(os.listdir(self.p.env_dir / "sandbox"))
        policy = self.p.env_dir / "sandbox/policy.yaml"
        kept = policy.read_bytes()
        other = self.plain()
        before = snapshot(other.env_dir)
        for words, status, saying in BAD_OPTIONS:
            with self.subTest(words=words):
                done = tool("wrap", self.p.env_dir, *words, timeout=10)
                self.assert_refused(done, status=status, saying=saying)
                self.assertEqual(set(os.listdir(self.p.env_dir / "sandbox")), names)
                self.assertEqual(policy.read_bytes(), kept)
                done = tool("wrap", other.env_dir, *words, timeout=10)
                self.assert_unharmed(other, before, done, saying=saying, status=status)

    def test_bwrap_args(self):
        for text, saying in (("--no-such", "BWRAP_ARGS, word 1"), ("--seccomp 3", "--seccomp"),
                             ("--setenv A b --ro-bind /x", "BWRAP_ARGS, word 4"),
                             ("--ro-bind /nonexistent/x /y", "/nonexistent/x"),
                             ("--" + "x" * 100000, "BWRAP_ARGS")):
            done = self.p.code("print('ran')", env=environment(BWRAP_ARGS=text))
            self.assert_refused(done)
            self.assertIn(saying, done.stderr)
        self.assertEqual(self.p.code("print(1)", env=environment(BWRAP_ARGS="")).stdout, "1\n")
        done = self.p.code("print('ran')", env=environment(SANDBOX_SECCOMP_ALLOW="no_such_call"))
        self.assert_refused(done, saying="no_such_call")

    def test_dotenv(self):
        dotenv = self.p.path / ".env"
        harmless = {"weird": b"\xff\xfe=\x00\n", "steering": b"BWRAP_ARGS=--bind / /\nSANDBOX_X=1\n",
                    "open quote": b"A='never closed\n", "large": b"A=b\n" * 200000,
                    "long": b"A=" + b"x" * 500000 + b"\n", "no equals": b"nonsense\n"}
        for name, data in harmless.items():
            with self.subTest(name):
                dotenv.write_bytes(data)
                done = self.p.code("import os; print(os.environ.get('BWRAP_ARGS'), "
                                   "os.environ.get('SANDBOX_X'))", timeout=20)
                if done.returncode == 0:
                    self.assertEqual(done.stdout, "None None\n")
                else:
                    self.assert_refused(done, saying=".env")
        dotenv.unlink()
        for make in (os.mkfifo, os.mkdir, lambda path: path.symlink_to("/etc/passwd"),
                     lambda path: path.symlink_to("nowhere")):
            make(dotenv)
            done = self.p.code("print(1)", timeout=20)
            if done.returncode:
                self.assert_refused(done, saying=".env")
            else:
                self.assertEqual((done.stdout, done.stderr), ("1\n", ""))
            dotenv.rmdir() if dotenv.is_dir() and not dotenv.is_symlink() else dotenv.unlink()

    def test_called_without_the_tool(self):
        """The launcher by hand says whose it is."""
        launcher = PREFIX / "libexec/sandbox-venv/launcher"
        found = [path for path in (PREFIX / "libexec/sandbox-venv").glob("*") if "stub" not in
                 path.name]
        launcher = launcher if launcher.exists() else found[0]
        for words in ([], ["x"], ["stub"], ["run"], ["stub", "a"], ["stub", "a", "b", "c"],
                      ["run", "/", "x", "y", "z"]):
            with self.subTest(words=words):
                self.assert_refused(run(launcher, *words))

    def test_launcher_gone(self):
        """The stub alone runs nothing."""
        stub = pathlib.Path(self.p.bin()).read_bytes()
        path = str(next(path for path in (PREFIX / "libexec/sandbox-venv").glob("*")
                        if "stub" not in path.name)).encode()
        if path not in stub:
            skip("the stub does not hold the launcher's path as text")
        other = self.p.top / "venv2/bin/python"
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(stub.replace(path, b"/nonexistent/" + b"x" * (len(path) - 13)))
        other.chmod(0o755)
        done = run(other, "-c", "print('ran')")
        self.assert_refused(done, saying="nothing was started")
        self.assertEqual(done.stdout, "")


@unittest.skipIf(shutil.which("unshare") is None, "no unshare(1)")
class Kernel(BadCase):
    """A kernel that refuses namespaces: nothing runs, and the line names the setting."""

    def refused(self, *argv):
        script = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
        done = run("unshare", "-Ucm", "--keep-caps", "sh", "-c", script, "sh", *argv)
        if "unshare:" in done.stderr or "sh: 1" in done.stderr:
            skip("cannot be simulated here: " + done.stderr)
        return done

    def test_start(self):
        project = self.plain()
        project.wrap()
        for argv in ([project.bin(), "-c", "print('ran')"], [project.bin("tool")],
                     [TOOL, "run", project.env_dir, "--", "echo", "ran"]):
            done = self.refused(*argv)
            self.assert_refused(done, saying="user.max_user_namespaces")
            self.assertEqual(done.stdout, "")
        self.assert_clean(project.code("pass"))

    def test_wrap(self):
        project = self.plain()
        before = snapshot(project.env_dir)
        done = self.refused(TOOL, "wrap", project.env_dir)
        self.assert_unharmed(project, before, done, saying="user.max_user_namespaces")

    def test_status(self):
        project = self.plain()
        project.wrap()
        done = self.refused(TOOL, "status", project.env_dir, "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("max_user_namespaces", done.stdout)
        self.assertEqual(self.refused(TOOL, "unwrap", project.env_dir).returncode, 0)


if __name__ == "__main__":
    unittest.main()
