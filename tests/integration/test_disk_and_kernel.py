"""A disk that is full or read-only, and a kernel that refuses namespaces."""

import shutil
import unittest

from lib.case import Case
from lib.installed import TOOL
from lib.programs import run
from lib.skips import impossible, skip
from lib.trees import snapshot
from lib.user import AS_ROOT


@unittest.skipIf(shutil.which("unshare") is None, "no unshare(1)")
class Disk(Case):
    """A disk that is full or read-only: one line, and nothing is lost."""

    def in_namespace(self, script, *words):
        """Runs a shell script that may mount, in a new user and mount namespace."""
        done = run("unshare", "-Ucm", "--keep-caps", "sh", "-ec", script, "sh", *words)
        if "unshare:" in done.stderr:
            skip("no user namespaces here: " + done.stderr)
        return done

    def test_full(self):
        project = self.plain()
        for number in range(60):
            project.script(f"entry-{number}", "pass\n")
        script = """
            mount -t tmpfs -o size=$3k tmpfs "$1"
            cp -a "$2/." "$1/"
            cd "$1"
            find . -printf '%P %m %T@ %l\\n' -type f -exec sha256sum {} + | sort >/tmp/before.$$
            code=0; "$4" wrap -q .venv 2>/tmp/said.$$ || code=$?
            find . -printf '%P %m %T@ %l\\n' -type f -exec sha256sum {} + | sort >/tmp/after.$$
            echo "$code"; cat /tmp/said.$$
            if [ $code = 0 ]; then .venv/bin/python -c pass && echo fits; exit; fi
            cmp /tmp/before.$$ /tmp/after.$$ && echo same
            rm -f /tmp/before.$$ /tmp/after.$$ /tmp/said.$$"""
        target = project.top / "disk"
        target.mkdir()
        used = sum(path.lstat().st_size // 4096 * 4 + 4 for path in project.path.rglob("*"))
        failures = 0
        for extra in (0, 16, 60, 200, 600, 1000, 1300, 1500, 6000):
            with self.subTest(extra=extra):
                done = self.in_namespace(script, target, project.path, used + extra + 40, TOOL)
                lines = done.stdout.splitlines()
                self.assertTrue(lines, done.stderr)
                if lines[0] == "0":
                    self.assertEqual(lines[-1], "fits", done.stdout + done.stderr)
                    continue
                failures += 1
                self.assertEqual(
                    (lines[0], len(lines), lines[-1]), ("125", 3, "same"), done.stdout + done.stderr
                )
                self.assertTrue(lines[1].startswith("sandbox-venv: "))
                self.assertRegex(lines[1], "is full|No space left")
        self.assertGreater(failures, 1)
        self.assertEqual(lines[-1], "fits", "the largest disk is large enough")

    def test_file_size_limit(self):
        project = self.plain()
        before = snapshot(project.env_dir)
        done = run(
            "sh", "-c", 'trap "" XFSZ; ulimit -f 8; exec "$@"', "sh", TOOL, "wrap", project.env_dir
        )
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(snapshot(project.env_dir), before)

    def test_read_only(self):
        project = self.plain()
        before = snapshot(project.env_dir)
        done = self.in_namespace(
            'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"\nexec "$2" wrap "$1/.venv"',
            project.path,
            TOOL,
        )
        self.assert_refused(done, saying="Read-only file system")
        self.assertEqual(snapshot(project.env_dir), before)

    def test_starts_on_a_read_only_disk(self):
        """A wrapped venv on a disk that has become read-only still starts while it is in step."""
        project = self.plain()
        project.wrap()
        self.assert_clean(project.code("pass"))
        done = self.in_namespace(
            'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"\n'
            '"$1/.venv/bin/tool" a || true\n"$2" unwrap "$1/.venv" || true',
            project.path,
            TOOL,
        )
        for line in done.stderr.splitlines():
            self.assertTrue(line.startswith("sandbox-venv: "), done.stderr)
        self.assert_wrapped(project.env_dir)
        self.assertEqual(project.run("tool", "a").stdout, "tool a\n")

    def test_unwritable_directory(self):
        if AS_ROOT:
            impossible("permissions don't hold root")
        project = self.plain()
        before = snapshot(project.env_dir)
        project.env_dir.chmod(0o555)
        try:
            self.assert_refused(project.wrap(check=False), saying=str(project.env_dir))
        finally:
            project.env_dir.chmod(before[b"."][1])
        self.assertEqual(snapshot(project.env_dir), before)


@unittest.skipIf(shutil.which("unshare") is None, "no unshare(1)")
class Kernel(Case):
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
        for argv in (
            [project.bin(), "-c", "print('ran')"],
            [project.bin("tool")],
            [TOOL, "run", project.env_dir, "--", "echo", "ran"],
        ):
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
