"""Unwrapping gives back what was there."""

import os
import pathlib
import subprocess
import tempfile

from lib.case import Case
from lib.interpreters import interpreters
from lib.programs import SECONDS
from lib.trees import remove_tree, snapshot
from lib.user import HOME


class Unwrap(Case):
    """The tree is as it was before, whatever happened in between."""

    def full(self):
        """A venv with odd modes and times."""
        project = self.plain()
        bin_dir = project.env_dir / "bin"
        project.script("odd", "pass\n").chmod(0o2750)
        project.script("readonly", "pass\n").chmod(0o555)
        (bin_dir / "dangling").symlink_to("../nowhere")
        (bin_dir / "abs").symlink_to("/usr/bin/env")
        for number, path in enumerate(sorted(bin_dir.iterdir())):
            os.utime(path, ns=(10**18, 10**18 + number * 7 + 1), follow_symlinks=False)
        bin_dir.chmod(0o750)
        os.utime(bin_dir, ns=(10**18, 10**18 + 3))
        os.utime(project.env_dir, ns=(10**18, 10**18 + 5))
        return project

    def test_byte_for_byte(self):
        for copies in (False, True):
            project = self.project().venv(copies=copies)
            before = snapshot(project.env_dir)
            project.wrap()
            self.assert_clean(project.code("pass"))
            project.unwrap("--purge")
            self.assertEqual(snapshot(project.env_dir), before)
        project = self.full()
        before = snapshot(project.env_dir)
        project.wrap()
        self.assert_clean(project.run("readonly"))
        project.wrap()
        project.unwrap("--purge")
        self.assertEqual(snapshot(project.env_dir), before)
        self.assert_clean(project.code("pass"))

    def test_every_interpreter(self):
        for interpreter in interpreters():
            with self.subTest(interpreter.label):
                project = self.project().venv(interpreter)
                before = snapshot(project.env_dir)
                project.wrap()
                project.unwrap("--purge")
                self.assertEqual(snapshot(project.env_dir), before)

    def test_home_is_kept_unless_purged(self):
        project = self.plain()
        project.wrap()
        self.assert_clean(project.code("import os; open(os.path.expanduser('~/f'), 'w')"))
        project.unwrap()
        self.assertTrue((project.env_dir / "home/f").exists())
        self.assertFalse((project.env_dir / "sandbox").exists())
        project.wrap()
        self.assertTrue(
            project.value(
                "import os, json; print(json.dumps(os.path.exists(os.path.expanduser('~/f'))))"
            )
        )
        ident = project.manifest["id"]
        project.unwrap("--purge")
        self.assertFalse((project.env_dir / "home").exists())
        for place in ("/tmp", "/dev/shm"):
            self.assertFalse(pathlib.Path(place, f"sandbox-venv-{ident}").exists())

    def test_mount_points_in_the_home_go(self):
        """Mount points do not stay, whatever wrapping and starts made."""
        project = self.plain(home=True)
        elsewhere = pathlib.Path(tempfile.mkdtemp(prefix="svenv-test-", dir=HOME))
        self.addCleanup(remove_tree, elsewhere)
        before = snapshot(project.env_dir)
        project.wrap()
        self.assert_clean(project.code("pass", cwd=elsewhere))
        self.assertNotEqual(list((project.env_dir / "home").iterdir()), [])
        self.assertNotIn("kept", project.unwrap().stdout)
        self.assertEqual(set(snapshot(project.env_dir)), set(before))

    def temporary(self, ident):
        return [
            path
            for path in (
                pathlib.Path("/tmp", f"sandbox-venv-{ident}"),
                pathlib.Path("/dev/shm", f"sandbox-venv-{ident}"),
            )
            if path.exists()
        ]

    def test_temporary_directories_of_deleted_venvs(self):
        """They go with the next wrap or unwrap of anything, but never under a running program."""
        gone, other = self.plain(), self.plain()
        gone.wrap()
        gone.policy("filesystem: {project: ro}\n")  # else it ends with its venv
        ident = gone.manifest["id"]
        process = gone.spawn(
            "python",
            "-c",
            "open('/tmp/mine', 'w').close(); print('up', "
            "flush=True); input(); open('/tmp/mine').close(); print('there')",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.assertEqual(process.stdout.readline(), "up\n")
        remove_tree(gone.env_dir)
        other.wrap()
        self.assertEqual(len(self.temporary(ident)), 2)
        self.assertEqual(process.communicate("\n", timeout=SECONDS)[0], "there\n")
        kept = other.manifest["id"]
        other.unwrap()
        self.assertEqual(self.temporary(ident), [])
        self.assertEqual(self.temporary(kept), [])
        other.wrap()
        self.assert_clean(other.code("pass"))
        self.assertEqual(len(self.temporary(other.manifest["id"])), 2)

    def test_not_wrapped(self):
        project = self.plain()
        before = snapshot(project.env_dir)
        self.assert_refused(project.unwrap(check=False), saying="not wrapped")
        self.assertEqual(snapshot(project.env_dir), before)

    def test_somebody_elses_sandbox_directory(self):
        project = self.plain()
        (project.env_dir / "sandbox").mkdir()
        (project.env_dir / "sandbox/precious").write_text("x")
        before = snapshot(project.env_dir)
        self.assert_refused(project.unwrap("--purge", check=False))
        self.assertEqual(snapshot(project.env_dir), before)

    def test_without_manifest_or_stub(self):
        for gone in ("manifest.json", "stub", "plan", "policy.yaml"):
            with self.subTest(gone):
                project = self.plain()
                before = snapshot(project.env_dir / "bin")
                project.wrap()
                (project.env_dir / "sandbox" / gone).unlink()
                done = project.unwrap(check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                after = snapshot(project.env_dir / "bin")
                before.pop(b"."), after.pop(b".")
                self.assertEqual(after, before)
                self.assertFalse((project.env_dir / "sandbox").exists())

    def test_while_a_program_runs(self):
        project = self.plain()
        project.wrap()
        child = project.spawn(
            "python",
            "-c",
            "import sys, subprocess\nprint('up', flush=True)\n"
            "sys.stdin.read()\nsubprocess.run([sys.executable, '-c', 'pass'])",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.assertEqual(child.stdout.readline(), "up\n")
        project.unwrap()
        self.assert_clean(project.code("pass"))
        child.communicate("", timeout=SECONDS)
        self.assertIsNotNone(child.returncode)
