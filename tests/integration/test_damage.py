"""Files of ours that were truncated or overwritten."""

import os
import pathlib
import shutil

from lib.case import Case
from lib.programs import run, tool
from lib.skips import impossible
from lib.trees import remove_tree
from lib.user import AS_ROOT


class Damage(Case):
    """Files of ours that were truncated or overwritten."""

    def setUp(self):
        self.p = self.plain()
        self.p.wrap()
        self.sandbox = self.p.env_dir / "sandbox"

    def test_plan(self):
        plan = self.sandbox / "plan"
        whole = plan.read_bytes()
        cases = [
            b"",
            b"x",
            whole + b"x",
            bytes(len(whole)),
            os.urandom(len(whole)),
            b"\xff" * len(whole),
        ]
        cases += [whole[:length] for length in (7, 24, 31, 32, 100, len(whole) - 1)]
        cases += [whole[:length] for length in range(len(whole) // 9, len(whole), len(whole) // 9)]
        for number, data in enumerate(cases):
            with self.subTest(number):
                self.assert_made_again(plan, data)
        for make in (lambda: None, lambda: os.mkfifo(plan), lambda: plan.symlink_to("/etc/passwd")):
            plan.unlink()
            make()
            self.assertEqual(self.p.code("print(1)").stdout, "1\n")
        plan.unlink()
        plan.mkdir()
        done = self.p.code("print(1)")
        self.assertTrue(done.stdout == "1\n" or len(done.stderr.splitlines()) == 1, done.stderr)
        plan.rmdir()
        plan.write_bytes(whole)
        plan.chmod(0o666)
        self.assert_refused(self.p.code("print('ran')"), saying="other users")

    def assert_made_again(self, plan, data):
        """Such a plan stops no start: the next one makes it again, and the one after keeps it."""
        plan.write_bytes(data)
        done = self.p.code("import os; print(os.path.exists('/.sandbox-venv'))")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "True\n", ""))
        made = plan.read_bytes()
        self.assertNotEqual(made, data)
        self.assert_clean(self.p.code("pass"))
        self.assertEqual(plan.read_bytes(), made)

    def test_plan_with_a_changed_byte(self):
        """Some can be read as plans of another sandbox: none is obeyed."""
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
        """A bad policy is refused as before, and a whole plan is left as it is."""
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
        for data in (
            b"",
            b"{",
            whole[: len(whole) // 2],
            whole.replace(b'"version": 1', b'"version": 9'),
            whole.replace(b'"id"', b'"other"'),
            whole + b"{}",
            b"[" * 50000,
            whole.replace(str(self.p.env_dir).encode(), b"relative"),
            whole.replace(b'"tool"', b'"../tool"'),
            b"\x00" * 100,
            whole.replace(b'"tool"\n', b'"a/b"\n'),
        ):
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
            remove_tree(path)
            path.symlink_to(target)
            done = self.p.code(
                "import os; open(os.path.expanduser('~/x'), 'w'); "
                "open(os.path.expanduser('~/.cache/y'), 'w')"
            )
            self.assertEqual(list(target.iterdir()), [], name)
            if done.returncode == 125:
                self.assert_refused(done, saying=name)
            path.unlink()
            path.mkdir(0o700)


class TemporaryTaken(Case):
    """Somebody removed the private directories in /tmp, and somebody else took their names."""

    PLACES = ("/tmp", "/dev/shm")

    def setUp(self):
        self.p = self.wrapped()
        self.assert_clean(self.p.code("pass"))
        self.old = self.p.manifest["id"]

    def take(self, make):
        for place in self.PLACES:
            path = pathlib.Path(place, f"sandbox-venv-{self.old}")
            remove_tree(path)
            make(path)

    def give_back(self):
        for place in self.PLACES:
            path = pathlib.Path(place, f"sandbox-venv-{self.old}")
            if path.is_symlink():
                path.unlink()
            elif path.exists():
                path.rmdir()

    def assert_recovers(self):
        self.addCleanup(self.give_back)
        done = self.p.code("open('/tmp/mine', 'w').write('x')")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(f"sandbox-venv-{self.old}' is another account's", done.stderr)
        self.assertNotEqual(self.p.manifest["id"], self.old)
        self.assert_clean(self.p.code("import os; os.stat('/tmp/mine')"))
        self.assert_wrapped(self.p.env_dir)

    def test_links(self):
        self.take(lambda path: path.symlink_to("/"))
        self.assert_recovers()

    def test_directories_of_another_account(self):
        if not AS_ROOT:
            impossible("needs root, who can give a directory away")

        def make(path):
            path.mkdir()
            os.chown(path, 65534, 65534)

        self.take(make)
        self.assert_recovers()

    def test_removed_ones_are_made_again(self):
        for place in self.PLACES:
            remove_tree(pathlib.Path(place, f"sandbox-venv-{self.old}"))
        self.assert_clean(self.p.code("open('/tmp/mine', 'w').write('x')"))
        self.assertEqual(self.p.manifest["id"], self.old)
