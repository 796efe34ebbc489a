"""The audit log: what is recorded, what never is, who could forge it, and how it is read back."""

import concurrent.futures
import datetime
import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import time

from lib import packages
from lib.case import Case
from lib.environment import environment
from lib.installed import TOOL
from lib.installs import VERSION
from lib.programs import SECONDS, run, tool
from lib.skips import impossible, skip
from lib.user import AS_ROOT, HOME

SECRET = "hunter2hunter2"


NAMESPACES = ["user", "mount", "pid", "ipc", "uts", "cgroup"]


class LogCase(Case):
    """Each test has a state directory of its own."""

    def setUp(self):
        self.state = self.project().top / "state"
        old = os.environ.get("XDG_STATE_HOME")
        os.environ["XDG_STATE_HOME"] = str(self.state)
        self.addCleanup(self.restore, old)
        self.log = self.state / "sandbox-venv" / "audit.jsonl"

    @staticmethod
    def restore(old):
        if old is None:
            os.environ.pop("XDG_STATE_HOME", None)
        else:
            os.environ["XDG_STATE_HOME"] = old

    def lines(self, event=None, path=None):
        try:
            text = (path or self.log).read_text()
        except FileNotFoundError:
            return []
        self.assertTrue(text.endswith("\n"))
        found = [json.loads(line) for line in text.splitlines()]
        return [line for line in found if event is None or line["event"] == event]

    def shown(self, *args, **options):
        done = tool("log", *args, check=True, **options)
        self.assertEqual(done.stderr, "")
        return done.stdout.splitlines()


class Recorded(LogCase):
    def test_a_start_without_denials_leaves_nothing(self):
        p = self.wrapped()
        self.assert_clean(p.code("pass"))
        self.assertFalse(self.log.exists())

    def test_a_path_that_is_not_shown(self):
        p = self.wrapped()
        self.assert_clean(p.code("pass", "/home"))
        (line,) = self.lines()
        self.assertEqual(line["event"], "denied")
        self.assertEqual(line["venv"], str(p.env_dir))
        self.assertEqual(line["entry"], "python")
        self.assertEqual(line["variant"], "default")
        self.assertEqual(line["denied"]["what"], "path")
        self.assertEqual(line["denied"]["name"], "/home")
        self.assertIn("never shown", line["denied"]["why"])
        self.assertEqual(stat.S_IMODE(self.log.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.log.parent.stat().st_mode), 0o700)

    def test_a_path_that_is_shown_is_no_denial(self):
        p = self.wrapped()
        outside = p.top / "outside.txt"
        outside.write_text("seen")
        done = p.code("import sys; print(open(sys.argv[1]).read())", outside)
        self.assertEqual(done.stdout, "seen\n")
        self.assertEqual(self.lines(), [])

    def test_a_program_that_never_ran(self):
        p = self.wrapped()
        self.assertEqual(tool("run", p.env_dir, "--", "no-such-program").returncode, 127)
        p.write("plain", "text")
        done = tool("run", p.env_dir, "--", p.path / "plain", cwd=p.path)
        self.assertEqual(done.returncode, 126)
        first, second = self.lines()
        self.assertEqual(first["denied"]["what"], "start")
        self.assertEqual(first["denied"]["name"], "no-such-program")
        self.assertIn("No such file", first["denied"]["why"])
        self.assertIsNone(first["entry"])
        self.assertIn("Permission denied", second["denied"]["why"])

    def test_every_start_and_how_it_ended(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        before = time.time() - 1
        self.assertEqual(p.code("import sys; x = bytearray(50 << 20); sys.exit(3)").returncode, 3)
        p.code("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
        tool("run", p.env_dir, "--", "no-such-program")
        first, second, third = self.lines("start")
        self.assertEqual(first["exit"], {"cause": "status", "value": 3})
        self.assertEqual(second["exit"], {"cause": "signal", "value": 15})
        self.assertEqual(third["exit"], {"cause": "not-started", "value": 127})
        self.assertEqual([line["denials"] for line in (first, second, third)], [0, 0, 1])
        self.assertGreater(first["usage"]["max_rss_kib"], 50 << 10)
        self.assertLess(first["usage"]["max_rss_kib"], 500 << 10)
        self.assertGreater(first["wall_ms"], 0)
        self.assertEqual(first["isolation"]["namespaces"], NAMESPACES)
        self.assertIs(first["isolation"]["filter"], True)
        self.assertRegex(first["policy"], "^[0-9a-f]{64}$")
        began = datetime.datetime.strptime(first["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
        began = began.replace(tzinfo=datetime.timezone.utc).timestamp()
        self.assertTrue(before < began < time.time(), first["time"])

    def test_cpu_time_is_the_programs_own(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        p.code(
            "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
        )
        (line,) = self.lines()
        self.assertGreaterEqual(line["usage"]["user_ms"] + line["usage"]["system_ms"], 450)
        self.assertGreaterEqual(line["wall_ms"], 450)

    def test_limits(self):
        p = self.wrapped(policy="limits: {wall-time: 1}\n")
        self.assertEqual(p.code("import time; time.sleep(30)").returncode, 124)
        p.policy("limits: {file-size: 1M}\n")
        p.code(
            "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
            "open('big', 'wb').write(bytes(2 << 20))"
        )
        p.policy("limits: {cpu-time: 1}\n")
        self.assertEqual(p.code("while True: pass").returncode, -signal.SIGXCPU)
        ignoring = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
        self.assertEqual(p.code(ignoring).returncode, -signal.SIGKILL)
        self.assertEqual(
            [line["denied"]["what"] for line in self.lines()],
            ["wall-time", "file-size", "cpu-time"],
        )

    def test_own_network_and_off(self):
        p = self.wrapped(policy="audit: {level: all}\nnetwork: {mode: none}\n")
        p.code("pass")
        (line,) = self.lines()
        self.assertEqual(line["isolation"]["namespaces"], [*NAMESPACES, "net"])
        p.policy("audit: {level: off}\n")
        tool("run", p.env_dir, "--", "no-such-program")
        self.assertEqual(len(self.lines()), 1)

    def test_starts_at_once_lose_no_line(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        p.code("pass")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: p.code("pass", n), range(40)))
        self.assertEqual(sorted(int(line["argv"][3]) for line in self.lines()[1:]), list(range(40)))

    def test_it_is_rotated(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        p.code("pass")
        with open(self.log, "a", encoding="ascii") as out:
            out.write(("x" * 1023 + "\n") * 1024)
        p.code("pass", "after")
        self.assertEqual([line["argv"][3] for line in self.lines()], ["after"])
        self.assertEqual((self.log.parent / "audit.jsonl.1").stat().st_size >> 20, 1)
        done = tool("log", p.env_dir)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertIn("1024 lines", done.stderr)


class FilterOff(LogCase):
    """SANDBOX_SECCOMP_ALLOW without names: the log says that the filter was off."""

    CODE = (
        "import ctypes, fcntl, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "libc.personality(0x40000)\n"
        "answers = [ctypes.get_errno()]\n"
        "try: fcntl.ioctl(0, 0x5412, b'x'); answers.append(0)\n"
        "except OSError as error: answers.append(error.errno)\n"
        "print(answers)\n"
    )

    def test_it_is_recorded_and_the_terminal_stays_closed(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        seen = []
        for extra in ({}, {"SANDBOX_SECCOMP_ALLOW": ""}):
            done = p.code(self.CODE, env=environment(**extra))
            self.assert_clean(done)
            seen.append(done.stdout.strip())
        self.assertEqual(seen, [f"[{errno.EPERM}, {errno.EPERM}]", f"[0, {errno.EPERM}]"])
        self.assertEqual(
            [line["isolation"]["filter"] for line in self.lines("start")], [True, False]
        )


class Secret(LogCase):
    """LOG-05: texts that must never be in the log; the control is texts that must be there."""

    def test_values_and_users(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        env = environment(API_TOKEN=SECRET, PLAIN="nobodys-business", MY_KEY=SECRET * 2)
        p.code(
            "pass",
            f"https://bob:{SECRET}@host/x",
            f"--header=Authorization: Bearer {SECRET}",
            "--password",
            SECRET,
            f"--token={SECRET}",
            f"DB={SECRET}",
            f"a {SECRET} b",
            f"postgres://u:{SECRET}@db/x?password={SECRET}",
            "kept",
            env=env,
        )
        tool("run", p.env_dir, "--", f"/none/{SECRET}", env=env)
        p.write(".env", f"FROM_DOTENV={SECRET}9\n")
        p.code("pass", env=env)
        text = self.log.read_text()
        self.assertNotIn("hunter2", text)
        self.assertNotIn("nobodys-business", text)
        urls = ("https://***@host/x", "postgres://***@db/x?password=***")
        for kept in (*urls, "--token=***", "kept"):
            self.assertIn(f'"{kept}"', text)

    def test_no_control_byte(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        p.code("pass", "\x1b[2J\n\x07", b"\xff\xfe", "\u202e")
        raw = self.log.read_bytes()
        self.assertEqual(raw.count(b"\n"), 1)
        self.assertFalse(any(byte < 32 for byte in raw.rstrip(b"\n")))
        self.assertEqual(self.lines()[0]["argv"][3], "\x1b[2J\n\x07")
        (line,) = self.shown(p.env_dir)
        self.assertTrue(line.isprintable(), line)

    def test_long_command_lines_are_bounded(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        done = p.code(
            "import sys; print(len(sys.argv), sum(map(len, sys.argv)))",
            *["y" * 100000] * 10,
            *["z"] * 1000,
        )
        self.assertEqual(done.stdout, "1011 1001002\n")
        self.assertLess(self.log.stat().st_size, 8192)
        (line,) = self.lines()
        self.assertEqual(line["argv_left_off"] + len(line["argv"]), 1013)


class Guarded(LogCase):
    """LOG-02: in the log's place lies something else; and no program inside can reach it."""

    def refused(self, p, saying):
        done = p.code("print('ran')")
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"))
        (line,) = done.stderr.splitlines()
        self.assertTrue(line.startswith("sandbox-venv: "), line)
        self.assertIn(saying, line)

    def test_links_fifos_and_other_peoples_files(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        victim = p.top / "victim"
        victim.write_text("old")
        self.assert_clean(p.code("pass"))
        self.assertEqual(len(self.lines()), 1)
        self.log.unlink()
        self.log.symlink_to(victim)
        self.refused(p, "symbolic link")
        self.assertEqual(tool("log", p.env_dir).returncode, 125)
        self.log.unlink()
        os.link(victim, self.log)
        self.refused(p, "hard link")
        self.log.unlink()
        os.mkfifo(self.log)
        self.refused(p, str(self.log))
        self.assertEqual(tool("log", p.env_dir).returncode, 125)
        self.log.unlink()
        self.log.write_text("")
        self.log.chmod(0o666)
        self.refused(p, "other users")
        self.log.chmod(0o600)
        self.log.parent.chmod(0o777)
        self.refused(p, "other users")
        self.log.parent.chmod(0o700)
        self.assertEqual(victim.read_text(), "old")
        self.assert_clean(p.code("pass"))
        self.assertEqual(len(self.lines()), 1)

    def test_another_users_log(self):
        if not AS_ROOT:
            impossible("only root can give a file away")
        p = self.wrapped(policy="audit: {level: all}\n")
        self.assert_clean(p.code("pass"))
        os.chown(self.log, 4242, 4242)
        self.refused(p, "another user")

    def test_nothing_inside_sees_or_changes_it(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        p.code("pass")
        before = self.log.read_bytes()
        seen = p.value(
            "import json, os, sys\n"
            "path = sys.argv[1]\n"
            "try:\n"
            "    os.makedirs(os.path.dirname(path), exist_ok=True)\n"
            "    open(path, 'a').write('forged\\n')\n"
            "except OSError: pass\n"
            "print(json.dumps(os.path.exists(path) and 'version' in open(path).read()))",
            self.log,
        )
        self.assertIs(seen, False)
        self.assertTrue(self.log.read_bytes().startswith(before))
        self.assertNotIn("forged", [line["event"] for line in self.lines()])
        last = self.lines("denied")[-1]
        self.assertEqual(last["denied"]["what"], "path")
        self.assertIn("audit log", last["denied"]["why"])

    def test_a_place_that_programs_can_write_is_refused(self):
        p = self.project().venv()
        os.environ["XDG_STATE_HOME"] = str(p.path / "state")
        done = p.wrap(check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("audit log", done.stderr)
        self.assertFalse((p.path / "state" / "sandbox-venv" / "audit.jsonl").exists())

    def test_a_relative_state_directory_does_not_count(self):
        p = self.project().venv()
        os.environ["XDG_STATE_HOME"] = "state"
        p.wrap(cwd=p.path)
        p.policy("audit: {level: all}\n")
        self.assert_clean(p.code("pass"))
        self.assertFalse((p.path / "state").exists())
        log = HOME / ".local/state/sandbox-venv/audit.jsonl"
        self.assertIn(str(p.env_dir), log.read_text())

    def test_the_callers_home_variable_does_not_count(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        self.assert_clean(p.code("pass", env=environment(HOME=p.path)))
        self.assertEqual(len(self.lines()), 1)
        self.assertFalse((p.path / ".local").exists())


class ReadBack(LogCase):
    def test_people_and_programs(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        other = self.wrapped(policy="audit: {level: all}\n")
        p.code("pass", "one")
        tool("run", p.env_dir, "--", "no-such-program")
        other.code("pass", "two")
        mine = self.shown(p.env_dir)
        self.assertEqual(len(mine), 3)
        self.assertIn("exit 0", mine[0])
        self.assertIn("python -c pass one", mine[0])
        self.assertIn("denied start no-such-program", mine[2])
        self.assertNotIn("\x1b", "".join(mine))
        self.assertEqual(len(self.shown(p.env_dir, "--denied")), 1)
        for line in self.shown(p.env_dir, "--json"):
            self.assertEqual(json.loads(line)["venv"], str(p.env_dir))
        self.assertEqual(len(self.shown(cwd=p.top)), 4)
        self.assertIn(str(other.env_dir), "".join(self.shown(cwd=p.top)))
        self.assertEqual(self.shown(cwd=p.path), mine)

    def test_it_outlives_its_venv(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        p.code("pass", "one")
        shutil.rmtree(p.env_dir)
        self.assertEqual(len(self.shown(p.env_dir)), 1)

    def test_damage_is_passed_over(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        p.code("pass", "one")
        with open(self.log, "a", encoding="ascii") as out:
            out.write('{"version":1}\nnonsense\n{"cut')
        p.code("pass", "two")
        done = tool("log", p.env_dir, check=True)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertIn("3 lines", done.stderr)

    def test_follow(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        p.code("pass", "one")
        child = subprocess.Popen(
            [TOOL, "log", "-f", str(p.env_dir)],
            text=True,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        try:
            self.assertIn("one", child.stdout.readline())
            p.code("pass", "two")
            self.assertIn("two", child.stdout.readline())
            self.log.rename(self.log.with_suffix(".jsonl.1"))
            p.code("pass", "three")
            self.assertIn("three", child.stdout.readline())
        finally:
            child.terminate()
            child.wait(SECONDS)
            child.stdout.close()

    def test_empty(self):
        p = self.wrapped()
        self.assertEqual(self.shown(p.env_dir), ["nothing is recorded"])
        self.assertEqual(self.shown(p.env_dir, "--json"), [])

    def test_status(self):
        p = self.wrapped()
        told = json.loads(tool("status", p.env_dir, "--json", check=True).stdout)["audit"]
        self.assertEqual(
            told, {"level": "denied", "log": str(self.log), "denials": 0, "last_denial": None}
        )
        tool("run", p.env_dir, "--", "no-such-program")
        told = json.loads(tool("status", p.env_dir, "--json", check=True).stdout)["audit"]
        self.assertEqual((told["denials"], told["last_denial"]), (1, self.lines()[0]["time"]))
        self.assertRegex(tool("status", p.env_dir).stdout, r"audit +denied; 1 denied, last 20")


class History(LogCase):
    def entries(self, p):
        done = tool("policy", "log", p.env_dir, "--json", check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_each_policy_once_with_what_changed(self):
        p = self.wrapped()
        p.code("pass")
        p.policy("filesystem: {project: ro}\nenvironment: {set: {SECRET_X: hunter2}}\n")
        p.code("pass")
        p.code("pass")
        p.policy("filesystem: {project: ro}\nenvironment: {set: {SECRET_X: hunter3}}\n")
        p.code("pass")
        first, second, third = self.entries(p)
        self.assertEqual(first["diff"], "")
        self.assertIn(" filesystem:\n-  project: rw\n+  project: ro\n", second["diff"])
        self.assertIn("+    SECRET_X: (hidden)\n", second["diff"])
        self.assertIn("environment.set", third["diff"])
        self.assertEqual(len({line["policy"] for line in (first, second, third)}), 3)
        told = tool("policy", "log", p.env_dir, check=True).stdout
        self.assertIn(first["policy"][:16], told)
        self.assertIn("+  project: ro", told)
        for path in (self.state / "sandbox-venv" / "policy-history").rglob("*"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o700 if path.is_dir() else 0o600)
            if path.is_file():
                self.assertNotIn("hunter", path.read_text())

    def test_overrides_of_one_start_are_no_change(self):
        p = self.wrapped()
        p.code("pass", env=environment(BWRAP_ARGS="--unshare-net"))
        self.assertEqual(len(self.entries(p)), 1)

    def test_the_log_names_the_policy_of_the_history(self):
        p = self.wrapped(policy="audit: {level: all}\n")
        p.code("pass")
        self.assertEqual(self.lines()[0]["policy"], self.entries(p)[-1]["policy"])


class Installed(LogCase):
    """docs/SECURITY.md, C32: the files that an installer left and that run unasked."""

    def setUp(self):
        super().setUp()
        self.p = self.project().venv(pip=True)
        self.p.wrap()
        self.wheels = self.p.top / "wheels"
        self.wheels.mkdir()

    def pip(self, *words):
        done = self.p.run("python", "-m", "pip", "--disable-pip-version-check", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line for line in done.stderr.splitlines() if line.startswith("sandbox-venv")]

    def install(self, name, *words):
        return self.pip("install", "--no-index", "--find-links", self.wheels, *words, name)

    def test_what_runs_unasked_is_told_and_recorded(self):
        packages.wheel(
            self.wheels,
            "odd",
            scripts={"odd-x": "odd:main"},
            files={
                "odd/__init__.py": "",
                "odd.pth": "import sys\n",
                "odd-path.pth": "/nowhere\n",
                "sitecustomize.py": "",
                "odd/native.so": b"\177ELF" + bytes(64),
            },
        )
        self.assertEqual(self.install("odd"), [])  # nothing of ours where pip speaks
        (line,) = self.lines("install")
        site = f"lib/python{VERSION}/site-packages/"
        self.assertEqual(line["start_up"], [site + "odd.pth", site + "sitecustomize.py"])
        self.assertEqual(line["entries"], ["odd-x"])
        self.assertEqual(line["elf"], [site + "odd/native.so"])
        self.assertEqual((line["setuid"], line["incomplete"]), ([], False))
        (shown,) = self.shown(self.p.env_dir)
        self.assertIn("runs whenever Python starts: odd.pth, sitecustomize.py", shown)
        self.assertEqual(self.install("odd", "--force-reinstall"), [])
        self.assertEqual(len(self.lines("install")), 2)

    def repository(self):
        """A wheel without code that brings a repository for the top of the venv."""
        config = '[core]\n\trepositoryformatversion = 0\n\tfsmonitor = "echo EVIL >&2; false"\n'
        parts = {"HEAD": "ref: refs/heads/main\n", "config": config, "objects/x": "", "refs/x": ""}
        files = {f"carrier-1.0.data/data/.git/{name}": text for name, text in parts.items()}
        files |= {"carrier/template/.envrc": "echo template\n", ".envrc": "echo EVIL\n"}
        packages.wheel(self.wheels, "carrier", files=files)

    def git_in_bin(self, project):
        return run("git", "status", "--short", cwd=project.env_dir / "bin").stderr

    def test_names_that_the_host_obeys_are_moved_away(self):
        if not shutil.which("git"):
            skip("needs git")
        self.repository()
        plain = self.project().venv(pip=True)
        pip = (plain.bin("python"), "-m", "pip", "install", "--quiet", "--no-index", "--find-links")
        self.assertEqual(run(*pip, self.wheels, "carrier").returncode, 0)
        self.assertIn("EVIL", self.git_in_bin(plain))  # the control
        (said,) = self.install("carrier")
        self.assertIn("programs on the host obey '.git' and 1 more, which an installer left", said)
        self.assertNotIn("EVIL", self.git_in_bin(self.p))
        site = self.p.env_dir / f"lib/python{VERSION}/site-packages"
        self.assertFalse((site / ".envrc").exists())
        self.assertTrue((site / "carrier/template/.envrc").exists(), "a package's own template")
        (kept,) = (self.p.env_dir / "sandbox/quarantine").iterdir()
        self.assertTrue((kept / ".git/config").exists())
        (line,) = self.lines("install")
        self.assertEqual(line["obeyed"], [".git", f"lib/python{VERSION}/site-packages/.envrc"])
        (shown,) = self.shown(self.p.env_dir)
        self.assertIn("moved to the quarantine: .git, .envrc", shown)

    def test_what_runs_only_when_asked_is_not_told(self):
        packages.wheel(self.wheels, "plain", scripts={"plain-x": "plain:main"})
        packages.wheel(self.wheels, "still")
        self.assertEqual(self.install("plain"), [])
        self.assertEqual(self.install("still"), [])
        (line,) = self.lines("install")
        self.assertEqual((line["start_up"], line["entries"], line["elf"]), ([], ["plain-x"], []))
        self.assertEqual(self.pip("uninstall", "-y", "plain"), [])
        self.assertEqual(len(self.lines("install")), 1)

    def test_a_build_that_plants_what_its_wheel_does_not_hold(self):
        """A build backend runs with the venv writable: what it leaves is found all the same."""
        tree = self.p.top / "planter"
        (tree / "planter").mkdir(parents=True)
        (tree / "planter" / "__init__.py").write_text("")
        (tree / "pyproject.toml").write_text(
            '[project]\nname = "planter"\nversion = "1.0"\n[build-system]\nrequires = []\n'
            'build-backend = "backend"\nbackend-path = ["."]\n'
        )
        (tree / "backend.py").write_text(
            packages.BACKEND
            + f"""
path = "{self.p.env_dir}/lib/python{VERSION}/site-packages/planted.pth"
open(path, "w").write("x\\nimport os\\n")
os.utime(path, (0, 0))
"""
        )
        said = self.pip("install", "--no-index", "--no-build-isolation", tree)
        self.assertEqual(said, [])
        self.assertIn(
            f"lib/python{VERSION}/site-packages/planted.pth", self.lines("install")[0]["start_up"]
        )

    def test_nothing_is_recorded_when_the_level_is_off(self):
        self.p.policy("audit: {level: off}\n")
        packages.wheel(self.wheels, "odd", files={"odd.pth": "import sys\n"})
        self.assertEqual(self.install("odd"), [])
        self.assertEqual(self.lines(), [])
