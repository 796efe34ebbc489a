"""Signals, however they were sent."""

import contextlib
import json
import os
import pathlib
import select
import signal
import subprocess
import time

from lib.case import Case
from lib.pair import Compared
from lib.processes import descendants, is_inside, stat_of, wait_for
from lib.programs import SECONDS
from lib.skips import skip

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


# Counts signals until it is told to stop by a file, with a dot for each; prints what it counted.
COUNTER = """
import json, os, signal, sys, time
counts = {}
def count(number, frame):
    counts[number] = counts.get(number, 0) + 1
    os.write(1, b'.')
for name in ('INT', 'TERM', 'HUP', 'USR1', 'USR2', 'WINCH', 'CONT', 'QUIT', 'ALRM'):
    signal.signal(getattr(signal, 'SIG' + name), count)
stop = sys.argv[1]
os.write(1, b'!')
while not os.path.exists(stop):
    time.sleep(0.01)
print(json.dumps(counts), flush=True)
"""


def has_pending(pid):
    """Whether a process has yet to take a signal."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(("SigPnd:", "ShdPnd:")) and int(line.split()[1], 16):
                return True
    return False


class Signals(Compared):
    """Every signal arrives exactly once, however it was sent."""

    def counter(self, **options):
        stop = self.project.path / ("stop-" + os.urandom(4).hex())
        process = self.popen(
            self.project,
            "python",
            "-c",
            COUNTER,
            stop,
            stdout=subprocess.PIPE,
            bufsize=0,
            **options,
        )
        self.heard(process, "!")
        return process, stop

    def heard(self, process, text):
        """Waits for what the counter says."""
        for letter in text:
            ready, _, _ = select.select([process.stdout], [], [], SECONDS)
            self.assertTrue(ready, f"no {letter!r}")
            self.assertEqual(os.read(process.stdout.fileno(), 1), letter.encode())
        # Two of a kind that wait for the same process are one. The guard of the project takes none.
        tree = [process.pid, *filter(is_inside, descendants(process.pid))]
        self.assertTrue(wait_for(lambda: not any(map(has_pending, tree))))

    def counts(self, process, stop, settle=0.25):
        """The counts in the end: a signal that comes twice has some time for it."""
        time.sleep(settle)
        stop.write_text("")
        text = process.stdout.read().decode().lstrip(".")
        self.assertEqual(process.wait(SECONDS), 0)
        return {int(number): count for number, count in json.loads(text).items()}

    def test_to_the_process(self):
        process, stop = self.counter()
        for number in (*SIGNALS, signal.SIGWINCH, signal.SIGUSR2, signal.SIGQUIT, signal.SIGALRM):
            process.send_signal(number)
            self.heard(process, ".")
        expected = dict.fromkeys(
            map(int, (*SIGNALS, signal.SIGWINCH, signal.SIGUSR2, signal.SIGQUIT, signal.SIGALRM)), 1
        )
        self.assertEqual(self.counts(process, stop), expected)

    def test_to_the_group(self):
        process, stop = self.counter(start_new_session=True)
        for number in (*SIGNALS, signal.SIGWINCH):
            os.killpg(process.pid, number)
            self.heard(process, ".")
        expected = dict.fromkeys(map(int, (*SIGNALS, signal.SIGWINCH)), 1)
        self.assertEqual(self.counts(process, stop), expected)

    def test_to_every_process_of_the_tree(self):
        """A sender that takes longer than a moment between processes sends two signals. Rounds in
        which this sender lost the processor that long are not counted."""
        for _ in range(20):
            process, stop = self.counter(start_new_session=True)
            longest = 0.0
            for number in SIGNALS:
                pids = [process.pid, *descendants(process.pid)]
                begin = time.monotonic()
                for pid in pids:
                    os.kill(pid, number)
                longest = max(longest, time.monotonic() - begin)
                self.heard(process, ".")
            counts = self.counts(process, stop)
            if longest < 0.01:
                break
        else:
            skip("the sender never got the processor for 10 ms on end")
        self.assertEqual(counts, dict.fromkeys(map(int, SIGNALS), 1))

    def test_three_times(self):
        for way in ("process", "group"):
            with self.subTest(way):
                process, stop = self.counter(start_new_session=True)
                for _ in range(3):
                    if way == "process":
                        process.send_signal(signal.SIGUSR1)
                    else:
                        os.killpg(process.pid, signal.SIGUSR1)
                    self.heard(process, ".")
                self.assertEqual(self.counts(process, stop), {int(signal.SIGUSR1): 3})

    def test_different_signals_at_once(self):
        process, stop = self.counter(start_new_session=True)
        for number in SIGNALS:
            process.send_signal(number)
        self.heard(process, "." * len(SIGNALS))
        self.assertEqual(self.counts(process, stop), dict.fromkeys(map(int, SIGNALS), 1))

    def test_right_after_the_start(self):
        """A signal that arrives while the sandbox is being made ends the start."""
        for delay in [step * 0.0004 for step in range(40)]:
            process = self.popen(
                self.project,
                "python",
                "-c",
                "import time; time.sleep(30)",
                stderr=subprocess.PIPE,
                text=True,
            )
            time.sleep(delay)
            process.terminate()
            self.assertEqual(process.wait(SECONDS), -signal.SIGTERM)
            self.assertNotIn("sandbox-venv", process.stderr.read())

    def test_python_ends_by_the_default(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
            process = self.popen(
                self.project,
                "python",
                "-c",
                "import time; print('up', flush=True)\nwhile True: time.sleep(0.05)",
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            process.stdout.readline()
            process.send_signal(number)
            self.assertEqual(process.wait(SECONDS), -number)

    def test_stop_and_continue_by_signal(self):
        process, stop = self.counter(start_new_session=True)
        os.kill(process.pid, signal.SIGSTOP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status))
        os.kill(process.pid, signal.SIGCONT)
        self.heard(process, ".")
        self.assertEqual(self.counts(process, stop).get(int(signal.SIGCONT)), 1)

    def stop_all(self, project, way):
        """Stops and continues by group or tree; returns what the program saw of it."""
        beat = project.path / "beat"
        beat.write_text("")
        code = (
            "import os, signal, sys, time\nseen = []\n"
            "signal.signal(signal.SIGCONT, lambda *_: seen.append(1))\n"
            "signal.signal(signal.SIGTERM, lambda *_: sys.exit(len(seen)))\n"
            "print('up', flush=True)\n"
            "while True:\n    os.write(2, b'.')\n    time.sleep(0.02)\n"
        )
        with open(beat, "ab") as out:
            process = self.popen(
                project,
                "python",
                "-c",
                code,
                stdout=subprocess.PIPE,
                stderr=out,
                start_new_session=True,
            )
        process.stdout.readline()

        def send(number):
            """Returns who got it: a moment later there may be one process of ours more."""
            pids = [process.pid, *descendants(process.pid)]
            if way == "group":
                os.killpg(process.pid, number)
            else:
                for pid in pids:
                    os.kill(pid, number)
            return pids

        def stopped(pid):
            return stat_of(pid)[0] == "T"

        pids = send(signal.SIGSTOP)
        self.assertTrue(wait_for(lambda: all(map(stopped, pids))))
        size = beat.stat().st_size
        time.sleep(0.3)
        self.assertEqual(beat.stat().st_size, size)
        send(signal.SIGCONT)
        self.assertTrue(wait_for(lambda: beat.stat().st_size > size))
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        return process.wait(SECONDS)

    def test_stop_and_continue_all(self):
        for way in ("group", "tree"):
            with self.subTest(way):
                self.assertEqual(self.stop_all(self.twin, way), 1)
                self.assertEqual(self.stop_all(self.project, way), 1)

    def test_program_signals_its_own_group(self):
        code = (
            "import os, signal, time\nn = []\n"
            "signal.signal(signal.SIGUSR1, lambda *a: n.append(1))\n"
            "os.kill(0, signal.SIGUSR1)\n"
            "time.sleep(0.3); print(len(n))\n"
        )
        self.same(lambda one: one.code(code, start_new_session=True).stdout)

    def test_subprocess_timeout(self):
        """subprocess's kill of the stub leaves nothing behind."""
        with self.assertRaises(subprocess.TimeoutExpired):
            self.project.code("import time; time.sleep(60)", timeout=1)


class NoProgram(Case):
    """A signal to end, in a start that comes to nothing. Pending signals outlive an exec."""

    @staticmethod
    def sent_before(number):
        def prepare():
            signal.pthread_sigmask(signal.SIG_BLOCK, [number])
            os.kill(os.getpid(), number)

        return prepare

    def start(self, project, number=None, code="print('ran')"):
        prepare = self.sent_before(number) if number else None
        return project.run("python", "-c", code, preexec_fn=prepare)

    def test_a_start_that_fails_dies_of_it(self):
        project = self.wrapped(policy="nonsense: [\n")
        control = self.start(project)
        self.assertEqual(control.returncode, 125)
        self.assertIn("policy.yaml", control.stderr)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            done = self.start(project, number)
            self.assertEqual((done.returncode, done.stdout), (-number, ""))

    def test_a_start_that_works_hands_it_on(self):
        """The program inherits the mask that the caller had, in which it is blocked."""
        code = (
            "import signal, time\nend = time.monotonic() + 20\n"
            "while signal.SIGTERM not in signal.sigpending() and time.monotonic() < end:\n"
            "    time.sleep(0.01)\n"
            "print([number.name for number in signal.sigpending()])\n"
        )
        done = self.start(self.wrapped(), signal.SIGTERM, code)
        self.assertEqual((done.returncode, done.stdout), (0, "['SIGTERM']\n"))
