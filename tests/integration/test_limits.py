"""Limits: what is held by the kernel alone, what by a control group, and what is refused without.

Where this machine can make no control group the tests that need one are skipped with the reason;
tests/machine/ runs them on one that can, in each of the ways.
"""

import functools
import json
import os
import pathlib
import signal

from lib import bus
from lib.case import Case
from lib.environment import environment
from lib.processes import alive, descendants, is_inside, wait_for
from lib.programs import SECONDS, run, tool
from lib.project import Project
from lib.skips import impossible
from lib.user import AS_ROOT

MEMORY = 96


HIERARCHY = pathlib.Path("/sys/fs/cgroup")


# Takes memory in steps of 8 MiB and says how much it has.
HOG = """
import sys
kept = []
for n in range(int(sys.argv[1]) // 8):
    kept.append(bytearray(b"x") * (8 << 20))
    print(8 * (n + 1), flush=True)
"""


# Counts how many sleeping children it can have at once.
FORKS = """
import os, signal, sys
children = []
try:
    for n in range(int(sys.argv[1])):
        pid = os.fork()
        if pid == 0:
            signal.pause()
        children.append(pid)
    print("all", len(children))
except OSError as error:
    print(error.errno, len(children))
for pid in children:
    os.kill(pid, 9)
"""


BOMB = """
import os
print("go", flush=True)
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


@functools.cache
def groups():
    """The words of `status` about control groups on this machine: how, and why not."""
    with Project() as project:
        project.venv()
        project.wrap()
        told = json.loads(tool("status", project.env_dir, "--json", check=True).stdout)["limits"]
    return told["control_group_by"], told["control_group_problem"]


def group_of(pid):
    """The directory of a process's control group, as the host sees it."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return HIERARCHY / line[4:]
    return None


def explode(case, project):
    """While a fork bomb runs the host can start processes; with the launcher all of it ends."""
    with project.spawn("python", "-c", BOMB, stdout=-1, stderr=-1) as process:
        case.addCleanup(process.kill)
        case.assertEqual(process.stdout.readline(), b"go\n")
        case.assertTrue(wait_for(lambda: len(descendants(process.pid)) > 30))
        for _ in range(20):
            case.assertEqual(os.spawnlp(os.P_WAIT, "true", "true"), 0)
        below = descendants(process.pid)
        case.assertLessEqual(len(below), 102)
        process.kill()
    case.assertTrue(wait_for(lambda: not any(map(alive, below))))


class WithoutGroups(Case):
    """Where no control group can be made nothing is pretended."""

    def setUp(self):
        if AS_ROOT and groups()[0]:
            impossible("root reaches the system's own systemd, whatever the environment says")
        if groups()[0] and "delegated" in groups()[0]:
            impossible("a delegated subtree needs nobody's help")
        # No systemd is to be found on a bus that isn't there.
        self.env = environment(
            DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent/bus", XDG_RUNTIME_DIR="/nonexistent"
        )

    def test_a_limit_that_cannot_be_kept_is_refused(self):
        for text, key in (
            ("{memory: 1G}", "limits.memory"),
            ("{cpus: 1}", "limits.cpus"),
            ("{memory: 1G, cpus: 1, processes: 9}", "limits.memory"),
        ):
            with self.subTest(text):
                project = self.wrapped(policy=f"limits: {text}\n")
                done = project.code("print('ran')", env=self.env)
                self.assert_refused(done, saying=f"sandbox-venv: {key} (")
                self.assertIn("policy.yaml:2", done.stderr)
                self.assertIn("cannot be kept", done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertEqual(descendants(os.getpid()), [])

    def test_check_and_status_say_so(self):
        project = self.wrapped(policy="limits: {memory: 1G}\n")
        self.assert_refused(project.code("pass", env=self.env))
        self.assert_refused(
            tool("policy", "check", project.env_dir, env=self.env), saying="limits.memory ("
        )
        self.assertEqual(tool("status", project.env_dir, "--check", env=self.env).returncode, 1)
        shown = tool("status", project.env_dir, env=self.env)
        self.assertIn("memory and cpus cannot be held here", shown.stdout)
        told = json.loads(tool("status", project.env_dir, "--json", env=self.env).stdout)
        self.assertFalse(told["ok"])
        self.assertEqual(len(told["problems"]), 1)
        self.assertIn("limits.memory (", told["problems"][0])
        self.assertFalse(told["limits"]["control_group"])
        self.assertEqual(told["limits"]["memory"], 1 << 30)
        self.assertIn("cannot be kept", told["limits"]["control_group_problem"])

    def test_a_policy_without_such_limits_is_no_problem(self):
        project = self.wrapped(policy="limits: {processes: 100, open-files: 100}\n")
        self.assert_clean(project.code("pass", env=self.env))
        self.assertEqual(tool("policy", "check", project.env_dir, env=self.env).stdout, "ok\n")
        self.assertEqual(tool("status", project.env_dir, "--check", env=self.env).returncode, 0)
        self.assertIn(
            "memory and cpus cannot be limited here: ",
            tool("status", project.env_dir, env=self.env).stdout,
        )

    def test_a_limit_that_was_taken_out_again_refuses_nothing(self):
        """The plan that was made with it fails first, and is made again before anything is told."""
        project = self.wrapped()
        for text, key in (("{memory: 1G}", "limits.memory"), ("{cpus: 1}", "limits.cpus")):
            with self.subTest(text):
                policy = project.policy(f"limits: {text}\n")
                for _ in range(2):
                    self.assert_refused(project.code("pass", env=self.env), saying=f"{key} (")
                # As long as it stands there it is refused, however old the plan is.
                os.utime(policy)
                self.assert_refused(project.code("pass", env=self.env), saying=f"{key} (")
                project.policy("limits: {processes: 1000}\n")
                self.assertIn("next start", tool("status", project.env_dir, env=self.env).stdout)
                done = project.code("print('ran')", env=self.env)
                self.assert_clean(done)
                self.assertEqual(done.stdout, "ran\n")
        project.policy("limits: {memory: 1G}\n")
        self.assert_refused(project.code("pass", env=self.env), saying="limits.memory (")
        project.policy("limits: {cpus: 1}\n")
        self.assert_refused(project.code("pass", env=self.env), saying="limits.cpus (")

    def test_one_kind_of_start_may_need_what_another_does_not(self):
        project = self.wrapped(policy="commands: [{match: [sh], limits: {memory: 1G}}]\n")
        self.assert_clean(project.code("pass", env=self.env))
        self.assert_refused(
            tool("run", project.env_dir, "--", "sh", "-c", "exit 3", env=self.env),
            saying="limits.memory (",
        )
        self.assert_refused(
            tool("policy", "check", project.env_dir, env=self.env), saying="limits.memory ("
        )


class OnTheBus(Case):
    """The question for a group: to whom, and when."""

    def limited(self):
        """A project with a limit whose plan is up to date, and a bus of the test's own."""
        if groups()[0] and "delegated" in groups()[0]:
            impossible("a delegated subtree is asked for before any bus")
        if groups()[1] and "cgroup v2" in groups()[1]:
            impossible(groups()[1])
        project = self.wrapped(policy="limits: {memory: 1G}\n")
        project.code("pass", env=environment(DBUS_SESSION_BUS_ADDRESS=None, XDG_RUNTIME_DIR=None))
        return project, *bus.listener(self, project.top)

    def test_an_ordinary_start_asks_nobody(self):
        project = self.wrapped()
        socket, env = bus.listener(self, project.top)
        self.assert_clean(project.code("pass", env=env))
        self.assertFalse(bus.was_asked(socket))

    def test_a_bus_that_lies_is_not_believed(self):
        """The bus says that all is done, and nothing is: only the group of the process counts."""
        project, socket, env = self.limited()
        bus.serve(socket, bus.lie)
        done = project.code("print('ran')", env=env)
        self.assert_refused(done, saying="limits.memory (")
        self.assertIn("was not moved", done.stderr)

    def test_a_refusal_is_told_once(self):
        if AS_ROOT:
            impossible("root goes on to ask the system's own systemd")
        project, socket, env = self.limited()
        bus.serve(socket, bus.refuse)
        done = project.code("print('ran')", env=env)
        self.assert_refused(done, saying="limits.memory (")
        self.assertEqual(done.stderr.count("systemd refuses: not today; "), 1, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("loginctl enable-linger", done.stderr)

    def test_a_launcher_that_is_killed_while_it_asks(self):
        """Nothing of the start lives on: neither the asker nor the process that was to be moved."""
        project, socket, env = self.limited()
        with project.spawn("python", "-c", "print('ran')", env=env, stdout=-1) as process:
            self.addCleanup(process.kill)
            with bus.accept(socket) as peer:
                self.assertTrue(wait_for(lambda: len(descendants(process.pid)) == 2))
                below = descendants(process.pid)
                process.kill()
                while peer.recv(4096):
                    pass
            self.assertEqual(process.stdout.read(), b"")
        self.assertTrue(wait_for(lambda: not any(map(alive, below))))


class ByTheKernel(Case):
    """Limits of a process, which need no control group."""

    def test_a_disk_filler_ends(self):
        fill = (
            "import os\n"
            "with open('big', 'wb') as file:\n"
            "    for _ in range(64):\n"
            "        file.write(b'x' * (1 << 20)); file.flush()\n"
            "print(os.path.getsize('big') >> 20)\n"
        )
        project = self.wrapped(policy="limits: {file-size: 4M}\n")
        done = project.code(fill)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(os.path.getsize(project.path / "big"), 4 << 20)
        project.policy("limits: {file-size: 0}\n")
        control = project.code(fill)
        self.assertEqual(control.stdout, "64\n", control.stderr)

    def test_a_filler_of_temporary_files_ends(self):
        project = self.wrapped(policy="limits: {file-size: 4M}\n")
        for place in ("/tmp/big", "/var/tmp/big", "/dev/shm/big"):
            done = project.code(f"open({place!r}, 'wb').write(b'x' * (16 << 20))")
            self.assertNotEqual(done.returncode, 0, place)
            size = project.code(f"import os; print(os.path.getsize({place!r}))").stdout
            self.assertLessEqual(int(size), 4 << 20, place)

    def test_a_fork_bomb_ends(self):
        if AS_ROOT:
            impossible("RLIMIT_NPROC does not hold for root")
        project = self.wrapped(policy="limits: {processes: 40}\n")
        errno, count = project.code(FORKS, "200").stdout.split()
        self.assertEqual(errno, "11")
        self.assertLess(int(count), 40)
        project.policy("limits: {processes: 400}\n")
        self.assertEqual(project.code(FORKS, "200").stdout, "all 200\n")

    def test_a_bomb_does_not_reach_the_host(self):
        if AS_ROOT:
            impossible("RLIMIT_NPROC does not hold for root")
        explode(self, self.wrapped(policy="limits: {processes: 40}\n"))

    def test_root_is_told_that_it_is_exempt(self):
        project = self.wrapped()
        shown = tool("status", project.env_dir).stdout
        with open("/proc/self/uid_map", encoding="ascii") as file:
            exempt = AS_ROOT and file.read().split() == ["0", "0", "4294967295"]
        self.assertEqual("limits.processes: NOT held" in shown, exempt, shown)


class InGroups(Case):
    """Limits that a control group holds."""

    def setUp(self):
        way, problem = groups()
        if not way:
            impossible(problem)
        self.way = way

    def limited(self, text=f"{{memory: {MEMORY}M}}", more=""):
        return self.wrapped(policy=f"limits: {text}\n{more}")

    def leftovers(self):
        """Groups of ours that are still there."""
        return [
            path
            for path, _, _ in os.walk(HIERARCHY)
            if os.path.basename(path).startswith("sandbox-venv-")
        ]

    def assert_gone(self):
        self.assertTrue(wait_for(lambda: not self.leftovers()), self.leftovers())

    def waiting(self, project):
        """A program that waits, and its process on the host."""
        process = project.spawn(
            "python", "-c", "print(1, flush=True); input()", stdin=-1, stdout=-1, stderr=-1
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"1\n")
        return process, [pid for pid in descendants(process.pid) if is_inside(pid)]

    def test_the_way_that_was_meant(self):
        wanted = os.environ.get("SVENV_GROUP_WAY")
        self.assertIn(wanted or self.way, self.way)
        project = self.limited()
        self.assert_clean(project.code("pass"))
        self.assertEqual(
            tool("policy", "check", project.env_dir).stdout, f"ok: limits are held by {self.way}\n"
        )
        self.assertIn(
            f"memory, cpus and processes together: held by {self.way}",
            tool("status", project.env_dir).stdout,
        )
        told = json.loads(tool("status", project.env_dir, "--json").stdout)
        self.assertEqual(told["limits"]["control_group"], True)
        self.assertEqual((told["ok"], told["problems"]), (True, []))
        self.assert_gone()

    def test_what_the_kernel_was_told(self):
        project = self.limited("{memory: 1G, cpus: 1, processes: 77}")
        process, below = self.waiting(project)
        self.assertEqual(len(below), 2)
        for pid in below:
            group = group_of(pid)
            self.assertTrue(group.name.startswith("sandbox-venv-"), group)
            for name, text in (
                ("memory.max", str(1 << 30)),
                ("memory.swap.max", "0"),
                ("cpu.max", "100000 100000"),
                ("pids.max", "78"),
            ):
                self.assertEqual((group / name).read_text().strip(), text, name)
        self.assertNotEqual(group_of(process.pid), group)
        self.assertEqual(process.communicate(b"\n"), (b"", b""))
        self.assertEqual(process.returncode, 0)
        self.assert_gone()

    def test_a_start_without_such_limits_gets_no_group(self):
        process, below = self.waiting(self.wrapped())
        self.assertEqual({group_of(pid) for pid in below}, {group_of(process.pid)})
        self.assertEqual(self.leftovers(), [])

    def test_a_memory_hog_ends(self):
        project = self.limited()
        done = project.code(HOG, "400")
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.assertLess(int(done.stdout.split()[-1]), MEMORY)
        self.assertEqual(
            done.stderr,
            "sandbox-venv: the kernel ended 1 of its processes for want "
            "of memory (limits.memory)\n",
        )
        self.assert_gone()
        project.policy("")
        self.assertEqual(project.code(HOG, "400").stdout.split()[-1], "400")

    def test_many_small_hogs_end(self):
        """Together they have too much, each has not."""
        project = self.limited()
        many = (
            "import os, sys, time\n"
            "pids = []\n"
            "for _ in range(16):\n"
            "    pid = os.fork()\n"
            "    if pid == 0:\n"
            "        kept = bytearray(b'x') * (20 << 20)\n"
            "        time.sleep(600)\n"
            "    pids.append(pid)\n"
            "ended, status = os.wait()\n"
            "print(os.WTERMSIG(status))\n"
            "for pid in pids:\n"
            "    if pid != ended: os.kill(pid, 9); os.waitpid(pid, 0)\n"
        )
        done = project.code(many)
        self.assertEqual(done.stdout, "9\n", done.stderr)
        self.assertRegex(done.stderr, r"^sandbox-venv: the kernel ended \d+ of its processes")
        self.assert_gone()

    def test_memory_that_is_files_counts(self):
        project = self.limited()
        fill = (
            "with open('/dev/shm/big', 'wb') as file:\n"
            "    for n in range(40):\n"
            "        file.write(bytes(8 << 20)); file.flush()\n"
            "import os; os.unlink('/dev/shm/big')\n"
        )
        self.assertEqual(project.code(fill).returncode, -signal.SIGKILL)
        project.policy("")
        self.assert_clean(project.code(fill))

    def test_the_log_names_it(self):
        project = self.limited()
        env = project.own_state()
        project.code(HOG, "400", env=env)
        lines = (project.top / "state" / "sandbox-venv" / "audit.jsonl").read_text().splitlines()
        denied = [line for line in map(json.loads, lines) if line["event"] == "denied"]
        self.assertEqual([line["denied"]["what"] for line in denied], ["memory"])

    def test_a_fork_bomb_ends_for_root_too(self):
        project = self.limited("{memory: 1G, processes: 40}")
        errno, count = project.code(FORKS, "200").stdout.split()
        self.assertEqual(errno, "11")
        self.assertLess(int(count), 41)
        project.policy("limits: {memory: 1G, processes: 400}\n")
        self.assertEqual(project.code(FORKS, "200").stdout, "all 200\n")

    def test_a_bomb_does_not_reach_the_host(self):
        project = self.limited("{memory: 1G, processes: 100}")
        explode(self, project)
        if "delegated" in self.way:
            project.code("pass")
        self.assert_gone()

    def test_processor_time_is_shared(self):
        """Two busy processes get together what one processor gives."""
        busy = (
            "import os, time\n"
            "end = time.monotonic() + 3\n"
            "pids = [os.fork() for _ in range(1)]\n"
            "while time.monotonic() < end: pass\n"
            "if pids[0]: os.wait(); t = os.times(); print(t.user + t.children_user)\n"
        )
        done = self.limited("{cpus: 1}").code(busy)
        self.assertLess(float(done.stdout), 3.6, done.stderr)

    def test_nothing_is_left_when_the_launcher_is_killed(self):
        project = self.limited()
        process, below = self.waiting(project)
        process.kill()
        self.assertTrue(wait_for(lambda: not any(map(alive, below))))
        process.wait()
        if "delegated" in self.way:
            self.assertNotEqual(self.leftovers(), [])
            self.assert_clean(project.code("pass"))
        self.assert_gone()

    def test_what_lives_on_stays_in_the_group(self):
        project = self.limited()
        done = project.code(
            "import os, time\n"
            "if os.fork() == 0:\n"
            "    os.setsid(); os.close(1); os.close(2); time.sleep(2)\n"
        )
        self.assert_clean(done)
        self.assertEqual(len(self.leftovers()), 1)
        if "delegated" in self.way:
            self.assertTrue(
                wait_for(
                    lambda: (
                        "populated 0"
                        in pathlib.Path(self.leftovers()[0], "cgroup.events").read_text()
                    )
                )
            )
            self.assert_clean(project.code("pass"))
        self.assert_gone()

    def test_many_at_once(self):
        project = self.limited()
        processes = [
            project.spawn("python", "-c", "print(input())", stdin=-1, stdout=-1) for _ in range(12)
        ]
        for n, process in enumerate(processes):
            self.assertEqual(process.communicate(b"%d\n" % n, timeout=SECONDS)[0], b"%d\n" % n)
            self.assertEqual(process.returncode, 0)
        self.assert_gone()

    def test_a_start_that_fails_leaves_no_group(self):
        project = self.limited()
        self.assertEqual(tool("run", project.env_dir, "--", "/nonexistent").returncode, 127)
        self.assert_gone()
        script = 'mkdir "$1" && cd "$1" && rmdir "$1" && exec "$0" -c pass'
        done = run("sh", "-c", script, project.bin(), project.path / "gone")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assert_gone()

    def test_a_plan_that_is_out_of_date(self):
        """The start begins twice: its first group goes."""
        project = self.limited()
        self.assert_clean(project.code("pass"))
        project.policy("limits: {memory: 200M}\n")
        self.assertEqual(project.code(HOG, "160").stdout.split()[-1], "160")
        self.assert_gone()

    def limited_caller(self, project, memory, code, *args):
        """Runs code as one whose own group is held to so much memory."""
        if "delegated" in self.way:
            group = group_of(os.getpid()).parent / "caller"
            group.mkdir()
            self.addCleanup(group.rmdir)
            (group / "memory.max").write_text(str(memory))
            return project.code(
                code,
                *args,
                preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())),
            )
        user = [] if AS_ROOT else ["--user"]
        return run(
            "systemd-run",
            "--quiet",
            *user,
            "--scope",
            "-p",
            f"MemoryMax={memory}",
            project.bin("python"),
            "-c",
            code,
            *args,
            cwd=str(project.path),
            env=environment(XDG_RUNTIME_DIR=f"/run/user/{os.getuid()}"),
        )

    def test_the_caller_s_own_limits_stay(self):
        """Moving into a group of its own gives nobody more than its caller has."""
        project = self.limited("{memory: 1G}")
        self.assert_clean(project.code(HOG, "16"))
        done = self.limited_caller(project, 100 << 20, HOG, "400")
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        self.assertLess(int(done.stdout.split()[-1]), 100)
        self.assertEqual(project.code(HOG, "400").stdout.split()[-1], "400")

    def test_a_caller_s_limit_that_the_policy_does_not_have(self):
        project = self.limited("{cpus: 1}")
        self.assert_clean(project.code("pass"))
        done = self.limited_caller(project, 200 << 20, "print('ran')")
        self.assert_refused(done, saying="limits.cpus (")
        self.assertIn("has a lower 'memory.max'", done.stderr)
        self.assert_gone()

    def test_too_little_memory_to_begin_with(self):
        done = self.limited("{memory: 4K}").code("print('ran')")
        self.assertEqual(done.returncode, 125)
        self.assertTrue(done.stderr.startswith("sandbox-venv: "), done.stderr)
        self.assertEqual(done.stdout, "")
        self.assert_gone()

    def test_there_is_no_way_out_from_inside(self):
        leave = (
            "import ctypes, os, sys\n"
            "libc = ctypes.CDLL(None, use_errno=True)\n"
            "def mount(kind, place):\n"
            "    os.makedirs(place, exist_ok=True)\n"
            "    return libc.mount(b'none', place.encode(), kind, 0, None)\n"
            "found = [mount(b'cgroup2', '/tmp/g'), mount(b'cgroup', '/tmp/h')]\n"
            "for top, _, files in os.walk('/sys/fs'):\n"
            "    found += [top] if 'cgroup.procs' in files else []\n"
            "for name in sys.argv[1:]:\n"
            "    try:\n"
            "        open(name + '/cgroup.procs', 'w').write(str(os.getpid()))\n"
            "        found.append(name)\n"
            "    except OSError:\n"
            "        pass\n"
            "print(found, open('/proc/self/cgroup').read().split())\n"
        )
        project = self.limited()
        above = group_of(os.getpid())
        done = project.code(leave, above, HIERARCHY, above.parent)
        self.assertRegex(done.stdout, r"^\[-1, -1\] \[.*'0::/'\]\n$", done.stderr)
        # Outside the list of processes of the own group can be written, and is there to be found.
        if os.access(above / "cgroup.procs", os.W_OK):
            (above / "cgroup.procs").write_text(str(os.getpid()))
        self.assertTrue((above / "cgroup.procs").exists())
