"""The project while a program runs for longer than a moment."""

import contextlib
import importlib.util
import os
import pathlib
import re
import signal
import time

from lib.plants import FORGE, Beside, Planting
from lib.processes import descendants, is_inside, wait_for
from lib.programs import tool

COVERER = "sandbox-cover"


def named(pid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def guards(process):
    """The process that watches the project beside a program, once there is one."""
    outside = [pid for pid in descendants(process.pid) if not is_inside(pid)]
    return [pid for pid in outside if named(pid) != COVERER]


def coverers(process):
    """The process of the guard that mounts in the sandbox."""
    return [pid for pid in descendants(process.pid) if named(pid) == COVERER]


class Asked(Beside):
    """It does what it is asked, and is watched."""

    def begin(self, p, code, *words):
        process = super().begin(p, code, *words)
        time.sleep(0.5)  # the watching begins a tenth of a second after the start
        return process

    def ask(self, process, *words):
        process.stdin.write(" ".join(map(str, words)) + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()


class Running(Asked):
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

    def waiting(self, p):
        return self.begin(p, self.WAITING)

    def ask_until(self, process, wanted, *words):
        """The watching takes a moment, longer on a busy machine."""
        self.assertTrue(wait_for(lambda: self.ask(process, *words) == wanted), words)

    def again(self, process, name):
        """Waits for the mount on it, without a look at the file: that would be one in the moment
        of the save."""

        def mounted(pid):
            with contextlib.suppress(OSError):
                return f"/{name} " in pathlib.Path(f"/proc/{pid}/mountinfo").read_text()
            return False

        inside = [pid for pid in descendants(process.pid) if is_inside(pid)]
        self.assertTrue(wait_for(lambda: any(mounted(pid) for pid in inside)), name)
        time.sleep(0.1)

    def test_a_name_that_was_removed_is_no_programs(self):
        p = self.project()
        p.write(".envrc", "old")
        p.venv()
        p.wrap()
        process = self.waiting(p)
        (p.path / ".envrc").unlink()
        time.sleep(0.2)
        self.ask(process, "write", ".envrc")
        self.assertTrue(wait_for(lambda: not (p.path / ".envrc").exists()))
        self.assertEqual(self.end(process)[0], 0)
        self.assertEqual(self.quarantined(p), [".envrc"])

    def test_a_name_that_was_moved_away_is_no_programs_later(self):
        p = self.project()
        p.write(".envrc", "old")
        p.write("sub/.envrc", "old")
        p.venv()
        p.wrap()
        process = self.waiting(p)
        (p.path / ".envrc").rename(p.path / "away")
        (p.path / "sub").rename(p.path / "other")
        time.sleep(2.5)
        self.ask(process, "write", ".envrc")
        self.ask(process, "make", "sub")
        self.ask(process, "write", "sub/.envrc")
        self.assertTrue(wait_for(lambda: not (p.path / ".envrc").exists()))
        self.assertTrue(wait_for(lambda: not (p.path / "sub/.envrc").exists()))
        (p.path / "away").rename(p.path / ".envrc")
        time.sleep(0.5)
        self.assertEqual((p.path / ".envrc").read_text(), "old")
        self.assertEqual(self.ask(process, "write", ".envrc"), "EROFS")
        self.assertEqual(self.end(process)[0], 0)
        self.assertEqual(self.quarantined(p), [".envrc", "sub/.envrc"])

    def test_temporary_files_beside_a_protected_one_are_left_to_the_editor(self):
        p = self.project()
        p.write(".env", "A=0")
        p.venv()
        p.wrap()
        process = self.waiting(p)
        names = (
            ".env.tmp",
            ".env.tmp.417",
            ".env.Xy3kQ9",
            ".env.1700000000",
            ".env.new",
            ".env.swp",
        )
        for number in range(30):
            other = p.write(names[number % len(names)], f"A={number}")
            time.sleep(0.04)
            other.rename(p.path / ".env")
            time.sleep(0.02)
            self.assertEqual((p.path / ".env").read_text(), f"A={number}")
        time.sleep(0.1)
        self.assertEqual(self.ask(process, "write", ".env"), "EROFS")
        self.assertEqual(self.end(process), (0, ""))
        self.assertEqual(self.quarantined(p), [])

    def test_temporary_files_of_programs_are_taken(self):
        p = self.project()
        p.write(".env", "A=0")
        p.venv()
        p.wrap()
        process = self.waiting(p)
        for name in (".env.tmp", ".env.Xy3kQ9", ".env.local"):
            self.ask(process, "write", name)
            self.assertTrue(wait_for(lambda name=name: not (p.path / name).exists()))
        self.assertEqual(self.end(process)[0], 0)
        self.assertEqual(self.quarantined(p), [".env.Xy3kQ9", ".env.local", ".env.tmp"])

    def test_a_saved_file_is_protected_again(self):
        p = self.project()
        p.write(".envrc", "old\n")
        p.venv()
        p.wrap()
        process = self.waiting(p)
        self.assertEqual(self.ask(process, "write", ".envrc"), "EROFS")
        p.write("new", "saved\n").rename(p.path / ".envrc")
        self.again(process, ".envrc")
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
        process = self.waiting(p)
        self.assertEqual(self.ask(process, "read", ".env.production"), "")
        p.write("new", "more secret").rename(p.path / ".env.production")
        p.write("new", "secret, too").rename(p.path / "late")
        self.again(process, ".env.production")
        self.again(process, "late")
        self.ask_until(process, "", "read", ".env.production")
        self.ask_until(process, "", "read", "late")
        self.assertEqual(self.end(process), (0, ""))
        self.assertEqual((p.path / "late").read_text(), "secret, too")

    def test_a_replaced_directory_is_protected_again(self):
        p = self.project()
        p.write("sub/inner/.git/config", "old")
        p.venv()
        p.wrap()
        process = self.waiting(p)
        (p.path / "sub").rename(p.path / "before")
        p.write("sub/inner/.git/config", "new")
        self.again(process, "sub/inner")
        self.ask_until(process, "EROFS", "write", "sub/inner/.git/config")
        self.assertEqual(self.end(process), (0, ""))

    def save(self, p, name, text):
        p.write("saved.new", text).rename(p.path / name)

    def test_an_editor_that_saves_often_stops_nothing(self):
        """By each way in which editors and git save."""
        p = self.project()
        p.write(".envrc", "0")
        p.venv()
        p.wrap()
        process = self.waiting(p)
        for number in range(20):
            self.save(p, ".envrc", f"{number}")
            time.sleep(0.03)
            (p.path / ".envrc").rename(p.path / "kept")
            p.write(".envrc", f"{number} away")
            (p.path / "kept").unlink()
            time.sleep(0.03)
            p.write(".envrc", f"{number} in place")
            time.sleep(0.03)
        self.again(process, ".envrc")
        self.ask_until(process, "EROFS", "write", ".envrc")
        self.assertEqual(self.end(process), (0, ""))
        self.assertEqual((p.path / ".envrc").read_text(), "19 in place")

    # Each is done between the save and the cover.
    MOMENTS = (
        "fd = os.open('.envrc', os.O_WRONLY); os.write(fd, b'evil'); os.close(fd)",
        "held = os.open('.envrc', os.O_WRONLY)",
        "held = os.open('.envrc', os.O_PATH)",
        "os.truncate('.envrc', 1)",
        "os.link('.envrc', 'other')",
        "open('mine', 'w').close(); os.rename('mine', '.envrc')",
    )
    IN_A_MOMENT = """
import os, sys
print("ready", flush=True)
sys.stdin.readline()
exec(sys.argv[1])
print("done", flush=True)
sys.stdin.read()
"""

    def save_in_a_moment(self, p, code):
        """The guard stands still between the save and its look. Returns the launcher's process."""
        process = self.begin(p, self.IN_A_MOMENT, code)
        self.assertTrue(wait_for(lambda: coverers(process)))
        guard = guards(process)[0]
        os.kill(guard, signal.SIGSTOP)
        self.save(p, ".envrc", "saved")
        self.assertEqual(self.ask(process, "go"), "done", code)
        os.kill(guard, signal.SIGCONT)
        return process

    def stopped(self, p, code, line):
        process = self.save_in_a_moment(p, code)
        self.assertTrue(wait_for(lambda: process.poll() is not None), code)
        status, said = self.end(process)
        self.assertEqual(status, -signal.SIGKILL, code)
        self.assertIn(line, said)
        for name in ("other", "mine"):
            (p.path / name).unlink(missing_ok=True)

    def test_a_file_that_is_touched_while_it_is_saved_stops_the_program(self):
        p = self.project()
        p.write(".envrc", "0")
        p.venv()
        p.wrap()
        for code in self.MOMENTS:
            self.stopped(
                p, code, "stopped: '.envrc' was saved on the host, and may have been chang"
            )
        self.assertIn("perhaps changed before it was protected", tool("log", p.env_dir).stdout)

    def test_a_hidden_file_that_is_read_while_it_is_saved_stops_the_program(self):
        p = self.project()
        p.write(".envrc", "0")
        p.venv()
        p.wrap()
        p.policy("filesystem: {hide: [.envrc]}\n")
        self.stopped(p, "open('.envrc').read()", "may have been read before it was hidden again")
        self.stopped(p, "held = os.open('.envrc', os.O_PATH)", "may have been read before")

    def test_a_file_that_nobody_touches_while_it_is_saved_stops_nothing(self):
        """The control."""
        p = self.project()
        p.write(".envrc", "0")
        p.venv()
        p.wrap()
        process = self.save_in_a_moment(p, "open('mine', 'w').write('x'); open('.envrc').read()")
        time.sleep(0.2)
        self.assertEqual(self.end(process), (0, ""))

    def test_a_coverer_that_was_killed_is_replaced(self):
        p = self.project()
        p.write(".envrc", "0")
        p.venv()
        p.wrap()
        process = self.waiting(p)
        self.assertTrue(wait_for(lambda: coverers(process)))
        os.kill(coverers(process)[0], signal.SIGKILL)
        self.save(p, ".envrc", "1")
        self.again(process, ".envrc")
        self.ask_until(process, "EROFS", "write", ".envrc")
        self.assertEqual(self.end(process), (0, ""))

    def test_of_several_programs_one_takes_a_name(self):
        p = self.wrapped()
        programs = [self.waiting(p) for _ in range(5)]
        self.assertEqual(self.ask(programs[4], "make", ".theia"), "made")
        self.assertTrue(wait_for(lambda: not (p.path / ".theia").exists()))
        time.sleep(0.3)
        said = [self.end(process) for process in programs]
        self.assertEqual([status for status, _ in said], [0] * 5, said)
        self.assertEqual(sum(text.count("'.theia'") for _, text in said), 1, said)
        self.assertEqual(len(list((p.env_dir / "sandbox/quarantine").glob("*/*"))), 1)

    def test_another_takes_names_when_the_first_is_gone_or_stands_still(self):
        p = self.wrapped()
        first, second = self.waiting(p), self.waiting(p)
        guard = guards(first)[0]
        os.kill(guard, signal.SIGSTOP)
        (p.path / ".theia").mkdir()
        self.assertTrue(wait_for(lambda: not (p.path / ".theia").exists()))
        os.kill(guard, signal.SIGCONT)
        self.assertEqual(self.end(first)[0], 0)
        (p.path / ".theia").mkdir()
        self.assertTrue(wait_for(lambda: not (p.path / ".theia").exists()))
        self.assertEqual(self.end(second)[0], 0)

    def test_a_saved_file_that_nobody_protects_can_be_written(self):
        """The control."""
        p = self.project()
        p.write(".envrc", "old\n")
        p.venv()
        p.wrap()
        p.policy("filesystem: {protect: ['!.envrc']}\n")
        process = self.waiting(p)
        p.write("new", "saved").rename(p.path / ".envrc")
        self.assertEqual(self.ask(process, "write", ".envrc"), "4")
        self.assertEqual(self.end(process), (0, ""))

    def test_names_behind_a_closed_way_are_not_gone(self):
        p = self.project()
        for name in (".envrc", "sub/.vscode/settings.json"):
            p.write(name, "mine\n")
        p.venv()
        p.wrap()
        code = """
import os, time
ways = [os.open(name, os.O_RDONLY) for name in (".", "sub")]
end = time.monotonic() + 1.5
while time.monotonic() < end:
    for way in ways:
        os.fchmod(way, 0)
        time.sleep(0.003)
        os.fchmod(way, 0o755)
        time.sleep(0.003)
    open("new", "a").close()
    os.unlink("new")
"""
        done = p.code(code)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list((p.env_dir / "sandbox/quarantine").rglob("*")), [])
        self.assertEqual((p.path / "sub/.vscode/settings.json").read_text(), "mine\n")

    def test_a_venv_that_the_user_makes_beside(self):
        """One of the names that no program may make a virtualenv."""
        p = self.wrapped()
        process = self.waiting(p)
        tool("create", p.path / "env", "--without-pip", check=True)
        self.addCleanup(tool, "unwrap", p.path / "env", "--purge")
        self.assertEqual(self.ask(process, "write", "env/bin/activate"), "EROFS")
        self.assertEqual(self.end(process), (0, ""))
        self.assertTrue((p.path / "env/bin/activate").exists())
        self.assertEqual(self.quarantined(p), [])

    def test_a_program_ends_with_its_venv(self):
        p = self.wrapped()
        process = self.waiting(p)
        p.env_dir.rename(p.path / "away")
        self.assertTrue(wait_for(lambda: process.poll() is not None))
        status, said = self.end(process)
        (p.path / "away").rename(p.env_dir)
        self.assertEqual(status, -signal.SIGKILL)
        self.assertIn("was replaced or removed", said)

    def test_what_appears_is_gone_at_once(self):
        p = self.wrapped()
        process = self.waiting(p)
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

    WORK = """
import os, sys, time
def until(seconds, most):
    end = time.monotonic() + seconds
    for i in range(most):
        if time.monotonic() > end: break
        if i % 50 == 0: time.sleep(0.005)
        yield i
long = "d" * 200
def work(seconds, most):
    for i in until(seconds, most):
        os.mkdir(f"{long}{i}")
        if i >= 50: os.rmdir(f"{long}{i - 50}")
    for k in range(max(0, i - 49), i + 1): os.rmdir(f"{long}{k}")
    for k in range(50): os.mkdir(f"{long}-{k}-0")
    for j in until(seconds, most):
        os.rename(f"{long}-{j % 50}-{j // 50}", f"{long}-{j % 50}-{j // 50 + 1}")
    for name in os.listdir("."):
        if name.startswith("d"): os.rmdir(name)
    return f"{i + 1} directories, {j + 1} renames"
print("ready", flush=True)
for seconds, most in ((2, 500), (8, 20000)):
    sys.stdin.readline()
    print(work(seconds, most), flush=True)
sys.stdin.readline()
"""

    @staticmethod
    def resident(process):
        """Kilobytes of the launcher and of the guard; a child of theirs may just be ending."""
        found = []
        for pid in [process.pid, *guards(process)]:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                text = pathlib.Path(f"/proc/{pid}/status").read_text()
                found += [int(size) for size in re.findall(r"VmRSS:\s+(\d+)", text)]
        return found if len(found) == 2 else None

    def test_hours_of_work_do_not_add_up(self):
        """Thousands of directories that are made, removed and renamed leave nothing in memory."""
        p = self.wrapped()
        process = self.begin(p, self.WORK)
        self.assertTrue(wait_for(lambda: guards(process)))
        sizes = []
        for _ in range(2):
            told = self.ask(process)
            time.sleep(0.5)  # it works off what was reported
            sizes.append(wait_for(lambda: self.resident(process)))
        self.assertTrue(all(sizes), sizes)
        for before, after in zip(*sizes, strict=True):
            self.assertLess(after, before + 300, f"{sizes}, the second after {told}")
        self.assertEqual(self.end(process), (0, ""))

    def test_nobody_waits_for_the_watching(self):
        """Pipes of a program end with it, and nothing of ours lives on."""
        p = self.wrapped()
        process = self.waiting(p)
        self.assertEqual(self.end(process), (0, ""))
        self.assertTrue(wait_for(lambda: not descendants(os.getpid())))


class Killed(Asked):
    """The launcher, or the process of ours that watches the project, is killed beside a program."""

    def begin_both(self, p):
        """A program that has written forged byte code and waits, and the guard's process."""
        p.write("pkg/__init__.py", "")
        source = p.write("pkg/mod.py", "value = 1\n")
        self.cache = pathlib.Path(importlib.util.cache_from_source(str(source)))
        code = FORGE + "print('ready', flush=True); sys.stdin.read()"
        process = self.begin(p, code, source, self.cache)
        self.assertTrue(wait_for(lambda: guards(process)))
        return process, guards(process)[0]

    def test_the_last_look_is_taken_without_the_launcher(self):
        process, _ = self.begin_both(self.wrapped())
        self.assertTrue(self.cache.exists())
        process.kill()
        process.wait()
        self.assertTrue(wait_for(lambda: not self.cache.exists()))

    def test_it_is_the_guard_that_takes_it(self):
        """The control."""
        process, guard = self.begin_both(self.wrapped())
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(guard, signal.SIGKILL)
        process.kill()
        process.wait()
        time.sleep(3)
        self.assertTrue(self.cache.exists())

    def test_a_program_is_stopped_without_its_guard(self):
        p = self.wrapped()
        process, guard = self.begin_both(p)
        os.kill(guard, signal.SIGKILL)
        self.assertTrue(wait_for(lambda: process.poll() is not None))  # it waits for its input
        self.assertEqual(
            self.end(process),
            (
                -signal.SIGKILL,
                f"sandbox-venv: stopped: the process that watches '{p.path}' has ended "
                "(filesystem.protect)\n",
            ),
        )
        self.assertFalse(self.cache.exists())
        said = tool("log", p.env_dir).stdout
        self.assertIn("stopped: the process that watches the project has ended", said)

    def test_a_guard_that_was_stopped_takes_the_last_look(self):
        process, guard = self.begin_both(self.wrapped())
        os.kill(guard, signal.SIGSTOP)
        self.assertEqual(self.end(process), (0, ""))
        self.assertFalse(self.cache.exists())

    def test_a_name_that_appears_beside_a_stopped_launcher_is_taken(self):
        p = self.wrapped()
        process, _ = self.begin_both(p)
        os.kill(process.pid, signal.SIGSTOP)
        (p.path / ".theia").mkdir()
        self.assertTrue(wait_for(lambda: not (p.path / ".theia").exists()))
        os.kill(process.pid, signal.SIGCONT)
        status, said = self.end(process)
        self.assertEqual(status, 0)
        self.assertIn("'.theia'", said)


class Races(Planting):
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
