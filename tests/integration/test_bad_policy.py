"""Policies that are none: one clear line that says what, where and what to do."""

import os
import pathlib
import shutil
import tempfile

from lib.case import Case
from lib.programs import processor_time, tool
from lib.skips import impossible
from lib.user import AS_ROOT

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


class Policies(Case):
    @classmethod
    def setUpClass(cls):
        cls.p = cls.project_of_class().venv()
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
                before = processor_time()
                for done in (
                    tool("policy", "check", self.p.env_dir),
                    self.p.code("print('ran')"),
                    tool("wrap", self.p.env_dir),
                ):
                    self.assert_refused(done, saying="policy")
                    self.assertIn(what, done.stderr)
                    if where:
                        self.assertIn(f"policy.yaml:{where}", done.stderr)
                self.assertLess(processor_time() - before, 5.0)
                self.assertEqual(
                    self.file.read_bytes(), text if isinstance(text, bytes) else text.encode()
                )
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
        for bad in (
            self.p.path / "none.yaml",
            "/nonexistent/x.yaml",
            "no-such-profile",
            "/dev/zero",
            self.p.path,
        ):
            self.assert_refused(tool("wrap", self.p.env_dir, "--policy", bad))
        self.assertEqual(self.file.read_bytes(), self.good)
        self.assertEqual(list(self.file.parent.glob("policy.yaml.*")), [])

    def test_ten_megabytes(self):
        self.put(b"version: 1\n" + b"# filler filler filler\n" * 450000)
        for done in (tool("policy", "check", self.p.env_dir), self.p.code("print('ran')")):
            self.assert_refused(done, saying="policy.yaml")

    def test_no_regular_file(self):
        for make in (
            os.mkfifo,
            os.mkdir,
            lambda path: path.symlink_to("/dev/zero"),
            lambda path: path.symlink_to("nowhere"),
        ):
            self.file.unlink()
            make(self.file)
            for done in (
                tool("policy", "check", self.p.env_dir),
                self.p.code("print('ran')"),
                tool("wrap", self.p.env_dir),
            ):
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
        """The plan says how it is mounted, and is made again when its kind changes."""
        top = pathlib.Path(tempfile.mkdtemp(prefix="svenv-test-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, top)
        source = top / "source"
        self.put(f"version: 1\nfilesystem: {{mounts: [{{dev-bind: [{source}, /mnt/x]}}]}}\n")
        look = "import os; print(os.path.isdir('/mnt/x'), os.path.isfile('/mnt/x'))"
        for make, remove, seen in (
            (source.mkdir, source.rmdir, "True False\n"),
            (source.touch, source.unlink, "False True\n"),
        ) * 2:
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
