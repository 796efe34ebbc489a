"""Commands and installers at once, and killed at any moment."""

import random
import signal
import subprocess
import time

from lib import packages
from lib.case import Case
from lib.environment import environment
from lib.installed import TOOL
from lib.installs import InstallCase
from lib.programs import SECONDS, run
from lib.trees import snapshot


class Together(Case):
    """Commands at once, and commands that are killed."""

    def test_two_wraps_at_once(self):
        for _ in range(4):
            project = self.plain()
            for number in range(60):
                project.script(f"entry-{number}", "pass\n")
            before = snapshot(project.env_dir)
            project.will_be_wrapped()
            children = [
                subprocess.Popen(
                    [TOOL, "wrap", "-q", str(project.env_dir)],
                    stderr=subprocess.PIPE,
                    env=environment(),
                    text=True,
                )
                for _ in range(3)
            ]
            for child in children:
                _, said = child.communicate(timeout=SECONDS)
                self.assertEqual((child.returncode, said), (0, ""))
            # The plan may be the one of the wrap before the last: a start makes it anew.
            self.assert_clean(project.code("pass"))
            self.assert_wrapped(project.env_dir)
            project.unwrap("--purge")
            self.assertEqual(snapshot(project.env_dir), before)

    def test_wrap_against_unwrap(self):
        project = self.plain()
        before = snapshot(project.env_dir)
        project.will_be_wrapped()
        for _ in range(10):
            children = [
                subprocess.Popen(
                    [TOOL, word, "-q", str(project.env_dir)],
                    stderr=subprocess.PIPE,
                    env=environment(),
                    text=True,
                )
                for word in ("wrap", "unwrap", "wrap")
            ]
            for child in children:
                _, said = child.communicate(timeout=SECONDS)
                self.assertIn(child.returncode, (0, 125), said)
                self.assertLessEqual(len(said.splitlines()), 1, said)
        project.wrap()
        self.assert_wrapped(project.env_dir)
        project.unwrap("--purge")
        self.assertEqual(snapshot(project.env_dir), before)

    def test_wrap_while_programs_run(self):
        project = self.plain()
        code = "import sys; print('up', flush=True); print(sys.stdin.read(), flush=True)"
        children = []
        for step in range(3):
            child = project.spawn(
                "python", "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self.assertEqual(child.stdout.readline(), "up\n")
            children.append(child)
            project.wrap(*(["--unshare-net"] if step == 1 else []))
        for child in children:
            out, _ = child.communicate("still here", timeout=SECONDS)
            self.assertEqual((child.returncode, out), (0, "still here\n"))

    def test_starts_while_wrapping_again(self):
        project = self.plain()
        project.wrap()
        for _ in range(8):
            child = subprocess.Popen(
                [TOOL, "wrap", "-q", str(project.env_dir)],
                env=environment(),
                stderr=subprocess.PIPE,
                text=True,
            )
            starts = [
                project.spawn(
                    "python",
                    "-c",
                    "print(1)",
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for _ in range(4)
            ]
            for start in starts:
                out, said = start.communicate(timeout=SECONDS)
                self.assertEqual((start.returncode, out, said), (0, "1\n", ""))
            _, said = child.communicate(timeout=SECONDS)
            self.assertEqual((child.returncode, said), (0, ""))

    def kill_at(self, argv, delay):
        child = subprocess.Popen(
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
        )
        time.sleep(delay)
        child.kill()
        child.wait(SECONDS)

    def sized(self):
        project = self.plain()
        for number in range(150):
            project.script(f"entry-{number}", "pass\n")
        project.will_be_wrapped()
        return project, snapshot(project.env_dir)

    def assert_restored(self, after, before):
        """All but the time of the venv's own directory, which a kill in the very moment between
        making `sandbox` and noting it loses."""
        self.assertEqual({**after, b".": None}, {**before, b".": None})

    def timing(self, argv):
        start = time.monotonic()
        run(*argv, check=True)
        return time.monotonic() - start

    def test_killed_wrap(self):
        project, before = self.sized()
        wrap = [TOOL, "wrap", "-q", str(project.env_dir)]
        whole = self.timing(wrap)
        project.unwrap("--purge")
        chance = random.Random(1)
        for turn in range(24):
            with self.subTest(turn=turn):
                self.kill_at(wrap, chance.uniform(0, whole * 1.1))
                # Its entries run natively, or in the sandbox, or not at all with one line.
                done = project.code("print(1)")
                self.assertIn((done.returncode, done.stdout), ((0, "1\n"), (125, "")))
                self.assertLessEqual(len(done.stderr.splitlines()), 1, done.stderr)
                if turn % 2:
                    project.wrap()
                    self.assert_wrapped(project.env_dir)
                    self.assertEqual(project.code("print(1)").stdout, "1\n")
                project.unwrap("--purge", check=turn % 2 == 1)
                after = snapshot(project.env_dir)
                if turn % 2 == 0 and (project.env_dir / "sandbox").exists():
                    # Killed before there was anything to undo: wrapping goes on from there.
                    project.wrap()
                    project.unwrap("--purge")
                    after = snapshot(project.env_dir)
                self.assert_restored(after, before)

    def test_killed_unwrap(self):
        project, before = self.sized()
        unwrap = [TOOL, "unwrap", "--purge", "-q", str(project.env_dir)]
        project.wrap()
        whole = self.timing(unwrap)
        chance = random.Random(2)
        for turn in range(24):
            with self.subTest(turn=turn):
                project.wrap()
                self.kill_at(unwrap, chance.uniform(0, whole * 1.1))
                if turn % 2:
                    project.wrap()
                    self.assert_wrapped(project.env_dir)
                    project.unwrap("--purge")
                else:
                    done = project.unwrap("--purge", check=False)
                    self.assertIn(done.returncode, (0, 125))
                    if done.returncode:
                        self.assert_refused(done, saying="not wrapped")
                self.assert_restored(snapshot(project.env_dir), before)

    def test_killed_sync(self):
        """A start that has much to adopt, killed with its helper at any moment."""
        project, before = self.sized()
        project.wrap()
        chance = random.Random(3)
        for turn in range(16):
            for number in range(80):
                path = project.env_dir / "bin" / f"new-{turn}-{number}"
                path.write_text(f"#!{project.bin('python')}\nprint({number})\n")
                path.chmod(0o755)
            child = subprocess.Popen(
                [TOOL, "internal-refresh", str(project.env_dir)],
                stderr=subprocess.DEVNULL,
                env=environment(),
            )
            time.sleep(chance.uniform(0, 0.08))
            child.kill()
            child.wait(SECONDS)
            self.assertEqual(project.run(f"new-{turn}-79").stdout, "79\n")
            self.assert_wrapped(project.env_dir)
        for path in (project.env_dir / "bin").glob("new-*"):
            path.unlink()
        project.wrap()
        project.unwrap("--purge")
        after = snapshot(project.env_dir)
        after[b"bin"] = before[b"bin"] = None
        self.assertEqual(after, before)


class Interrupted(InstallCase):
    """An installer that is stopped in the middle leaves a venv whose two sides agree."""

    ROUNDS = 5

    def setUp(self):
        self.p = self.wrapped(pip=True)
        self.wheels = self.house(self.p)
        files = {f"many/m{i}.py": f"x = {i}\n" * 20 for i in range(300)}
        files["many/__init__.py"] = "def main():\n    print('many')\n"
        scripts = {f"many-{i}": "many:main" for i in range(40)}
        packages.wheel(self.wheels, "many", files=files, scripts=scripts)

    def command(self, *words):
        return [self.p.bin("python"), "-m", "pip", "--disable-pip-version-check", *words]

    def interrupt(self, number):
        chance = random.Random(number)
        for turn in range(self.ROUNDS):
            words = [
                "install",
                "--no-index",
                "--force-reinstall",
                "--find-links",
                str(self.wheels),
                "many",
            ]
            child = subprocess.Popen(
                self.command(*words),
                cwd=self.p.path,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment(),
                text=True,
            )
            time.sleep(chance.uniform(0.3, 1.6))
            child.send_signal(number)
            _, said = child.communicate(timeout=SECONDS)
            self.assertNotIn("sandbox-venv:", said)
            self.assertIn(child.returncode, (0, 1, 2, 130, -number, number), f"turn {turn}")
            done = self.p.code("pass")
            self.assertEqual(done.returncode, 0, done.stderr)
            for line in done.stderr.splitlines():  # the look that the launcher could not make
                self.assertIn("ended without its last look", line)
            self.assert_in_step(self.p)
        self.pip(self.p, "install", "--force-reinstall", "many")
        self.assertEqual(self.p.run("many-39").stdout, "many\n")
        self.assert_in_step(self.p)

    def test_sigint(self):
        self.interrupt(signal.SIGINT)

    def test_sigkill(self):
        self.interrupt(signal.SIGKILL)

    def test_sigterm(self):
        self.interrupt(signal.SIGTERM)

    def test_starts_while_pip_installs(self):
        child = subprocess.Popen(
            self.command("install", "--no-index", "--find-links", str(self.wheels), "many"),
            cwd=self.p.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        starts = 0
        while child.poll() is None:
            self.assert_clean(self.p.code("pass"))
            starts += 1
        self.assertEqual((child.returncode, child.stderr.read()), (0, ""))
        child.stderr.close()
        self.assertGreater(starts, 3)
        self.assert_in_step(self.p)
        self.assertEqual(self.p.run("many-0").stdout, "many\n")
