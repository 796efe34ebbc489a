"""Processes: exit status, streams, terminal, signals, lifetime, descriptors, subprocesses."""

import hashlib
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

import support

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)

# Counts signals until it is told to stop by a file; prints what it counted.
COUNTER = """
import json, os, signal, sys, time
counts = {}
def count(number, frame):
    counts[number] = counts.get(number, 0) + 1
for name in ('INT', 'TERM', 'HUP', 'USR1', 'USR2', 'WINCH', 'CONT', 'QUIT', 'ALRM'):
    signal.signal(getattr(signal, 'SIG' + name), count)
stop = sys.argv[1]
print('ready', flush=True)
while not os.path.exists(stop):
    time.sleep(0.01)
print(json.dumps(counts), flush=True)
"""


class Wrapped(support.Case):
    """One wrapped project with its native twin for all tests of a class."""

    POLICY = None

    @classmethod
    def setUpClass(cls):
        cls.keeper = support.Case()
        cls.addClassCleanup(cls.keeper.doCleanups)
        cls.project = cls.keeper.wrapped(policy=cls.POLICY)
        cls.twin = cls.project.twin()

    def both(self, ask):
        """ask(project) for the wrapped and the native one; returns both answers."""
        return ask(self.project), ask(self.twin)

    def same(self, ask):
        wrapped, native = self.both(ask)
        self.assertEqual(wrapped, native)
        return wrapped

    def popen(self, project, *argv, **options):
        process = project.spawn(*argv, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait(30)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


class ExitStatus(Wrapped):
    def status(self, project, code, cwd=None):
        """The waitpid status of `python -c code`, and whether a core was dumped."""
        process = self.popen(project, "python", "-c", code, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, cwd=cwd or str(project.path))
        process.wait(60)
        return process.returncode

    def test_codes(self):
        for code in (0, 1, 2, 7, 124, 125, 126, 127, 128, 255):
            with self.subTest(code):
                self.assertEqual(self.status(self.project, f"raise SystemExit({code})"), code)

    def test_exceptions_and_messages(self):
        for code in ("1 / 0", "raise SystemExit('gone')", "import sys; sys.exit(-1)",
                     "import os; os._exit(300)", "raise KeyboardInterrupt"):
            with self.subTest(code):
                wrapped, native = self.both(lambda one, c=code: one.code(c))
                self.assert_same(wrapped, native, self.project, self.twin)

    def test_fatal_signals(self):
        for name in ("KILL", "TERM", "SEGV", "ABRT", "INT", "HUP", "PIPE", "QUIT", "USR1", "XCPU",
                     "BUS", "FPE", "ILL", "SYS", "TRAP", "ALRM", "RTMIN"):
            code = (f"import os, signal; n = signal.SIG{name}; "
                    "n in (signal.SIGKILL,) or signal.signal(n, signal.SIG_DFL); "
                    "os.kill(os.getpid(), n)")
            with self.subTest(name):
                self.assertEqual(self.same(lambda one, c=code: self.status(one, c)),
                                 -getattr(signal, "SIG" + name))

    def test_crashes(self):
        for code in ("import os; os.abort()", "import ctypes; ctypes.string_at(0)",
                     "import faulthandler; faulthandler._sigsegv()"):
            with self.subTest(code):
                self.assertLess(self.same(lambda one, c=code: self.status(one, c)), 0)

    def test_no_core_is_left(self):
        work = self.project.path / "core-test"
        work.mkdir()
        process = self.popen(
            self.project, "python", "-c", "import os; os.abort()", cwd=str(work),
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])))
        pid, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual((pid, os.WTERMSIG(status)), (process.pid, signal.SIGABRT))
        self.assertFalse(os.WCOREDUMP(status))
        self.assertEqual(os.listdir(work), [])

    def test_shell_sees_the_signal(self):
        wrapped, native = self.both(lambda one: support.run(
            "bash", "-c", ".venv/bin/python -c 'import os; os.kill(os.getpid(), 9)'; echo $?",
            cwd=one.path))
        self.assertEqual(wrapped.stdout, native.stdout)
        self.assertEqual(wrapped.stdout.split()[-1], "137")

    def test_run_says_what_it_cannot_run(self):
        text = self.project.write("no-program", "text", 0o644)
        for word, status in (("/no/such/program", 127), ("no-such-program", 127),
                             (str(text), 126), (str(self.project.path), 126)):
            with self.subTest(word):
                done = support.tool("run", self.project.env_dir, "--", word, cwd=self.project.path)
                self.assert_refused(done, status, word)
        done = support.tool("run", self.project.env_dir, "--", "sh", "-c", "echo $0 $1; exit 3",
                            "a", "b", cwd=self.project.path)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (3, "a b\n", ""))

    def test_run_finds_programs_of_the_venv(self):
        done = support.tool("run", self.project.env_dir, "--", "python", "-c",
                            "import sys; print(sys.prefix)", cwd=self.project.path)
        self.assert_clean(done)
        self.assertEqual(done.stdout.strip(), str(self.project.env_dir))


class WallTime(support.Case):
    def test_limit(self):
        project = self.wrapped(policy="limits: {wall-time: 1}\n")
        self.assert_clean(project.code("pass"))
        begin = time.monotonic()
        done = project.code("import time; print('on', flush=True); time.sleep(50)")
        self.assertEqual((done.returncode, done.stdout), (124, "on\n"))
        self.assertRegex(done.stderr, r"^sandbox-venv: .*1 second.*\n$")
        self.assertLess(time.monotonic() - begin, 5)
        done = project.code("raise SystemExit(124)")
        self.assertEqual((done.returncode, done.stderr), (124, ""))

    def test_limit_holds_for_what_the_program_leaves(self):
        project = self.wrapped(policy="limits: {wall-time: 2}\nlifetime: tree\n")
        marker = project.path / "beat"
        done = project.code(textwrap.dedent(f"""
            import os, time
            if os.fork() == 0:
                for stream in (0, 1, 2): os.close(stream)
                os.setsid()
                while True:
                    open({str(marker)!r}, 'w').close(); time.sleep(0.05)
            """))
        self.assert_clean(done)
        self.assertTrue(support.wait_for(marker.exists, 2))

        def silent():
            marker.unlink(missing_ok=True)
            time.sleep(0.3)
            return not marker.exists()

        self.assertTrue(support.wait_for(silent, 8))


class Streams(Wrapped):
    def test_a_hundred_megabytes(self):
        size = 100 * 1024 * 1024
        block = os.urandom(1024 * 1024)
        process = self.popen(
            self.project, "python", "-c",
            "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer, 1 << 16)",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def feed():
            for _ in range(size // len(block)):
                process.stdin.write(block)
            process.stdin.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        got, sent = hashlib.sha256(), hashlib.sha256()
        for _ in range(size // len(block)):
            sent.update(block)
        for part in iter(lambda: process.stdout.read(1 << 20), b""):
            got.update(part)
        feeder.join()
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(got.hexdigest(), sent.hexdigest())

    def test_reader_that_leaves(self):
        script = (".venv/bin/python -c '\nimport signal, sys\n"
                  "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
                  "while True: print(\"y\")' | head -1; echo ${PIPESTATUS[@]}")
        self.assertEqual(self.same(lambda one: support.run(
            "bash", "-c", script, cwd=one.path).stdout), "y\n141 0\n")

    def test_ignored_sigpipe_is_inherited(self):
        code = "import signal; print(signal.getsignal(signal.SIGUSR1), signal.getsignal(13))"

        def ask(one, ignored):
            def prepare():
                for number in ignored:
                    signal.signal(number, signal.SIG_IGN)

            return one.code(code, preexec_fn=prepare, restore_signals=False).stdout

        self.same(lambda one: ask(one, [signal.SIGUSR1]))
        self.same(lambda one: ask(one, []))

    def test_blocked_signals_are_inherited(self):
        code = "import signal; print(sorted(int(n) for n in signal.pthread_sigmask(0, [])))"

        def ask(one):
            return one.code(code, preexec_fn=lambda: signal.pthread_sigmask(
                signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGTERM])).stdout

        self.assertEqual(self.same(ask), "[12, 15]\n")

    def test_pipelines(self):
        script = ("seq 1 1000 | .venv/bin/python -c 'import sys; "
                  "print(sum(map(int, sys.stdin)))' | .venv/bin/python -c 'print(input())' | cat")
        self.assertEqual(self.same(lambda one: support.run(
            "bash", "-c", script, cwd=one.path).stdout), "500500\n")

    def test_end_of_the_pipe_follows_the_program(self):
        """No process of ours keeps the program's stdout open after it closed it."""
        process = self.popen(self.project, "python", "-c",
                             "import os, time; os.close(1); time.sleep(30)",
                             stdout=subprocess.PIPE)
        begin = time.monotonic()
        self.assertEqual(process.stdout.read(), b"")
        self.assertLess(time.monotonic() - begin, 10)
        process.terminate()

    def test_closed_streams(self):
        code = textwrap.dedent("""
            import json, os, sys
            state = []
            for fd in range(3):
                try:
                    os.fstat(fd); state.append(True)
                except OSError:
                    state.append(False)
            with open(sys.argv[1], 'w') as out:
                out.write(json.dumps([state, sys.stdin is None, sys.stdout is None,
                                      sys.stderr is None]))
            """)
        for closed in ((0,), (1,), (2,), (0, 1), (0, 1, 2)):
            with self.subTest(closed):
                def ask(one, shut=closed):
                    answer = one.path / "answer"
                    answer.unlink(missing_ok=True)
                    redirect = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in shut)
                    done = support.run("bash", "-c", f'exec "$0" -c "$1" answer {redirect}',
                                       one.bin(), code, cwd=one.path)
                    return done.returncode, answer.read_text()

                self.same(ask)

    def test_no_word_of_ours(self):
        for words in (["-c", "pass"], ["-V"], ["-m", "this"], ["-c", "import os; os._exit(3)"]):
            done = self.project.python(*words)
            self.assertEqual(done.stderr, "")


class Terminals(Wrapped):
    def talk(self, one, code, **options):
        with support.Terminal(one.bin(), "-c", code, cwd=one.path, **options) as terminal:
            text = terminal.rest()
            return text, terminal.wait()

    def test_what_a_program_asks_of_its_terminal(self):
        code = ("import os, sys, termios, json\n"
                "print(json.dumps([[os.isatty(n) for n in range(3)], os.get_terminal_size(0),"
                " termios.tcgetattr(0)[:4], os.tcgetpgrp(0) == os.getpgrp(), os.ctermid(),"
                " sys.stdout.line_buffering]))\n"
                "open('/dev/tty', 'w').write('by name\\n')\n")
        text, status = self.same(lambda one: self.talk(one, code, rows=33, columns=101))
        self.assertIn("[101, 33]", text)
        self.assertIn("by name", text)
        self.assertEqual(status, 0)

    def test_ttyname(self):
        """Every standard stream has a name, and what is opened by it is that terminal."""
        code = ("import os, subprocess\n"
                "for n in range(3):\n"
                "    there, here = os.stat(os.ttyname(n)), os.fstat(n)\n"
                "    print((there.st_dev, there.st_ino, there.st_rdev)"
                " == (here.st_dev, here.st_ino, here.st_rdev))\n"
                "subprocess.run(['sh', '-c', 'test -c \"$(tty)\" && echo tty'])\n"
                "with open(os.ttyname(0), 'r+b', buffering=0) as again:\n"
                "    print(again.isatty(), os.get_terminal_size(again.fileno()))\n"
                "    again.write(b'by name\\n')\n")
        text, status = self.same(lambda one: self.talk(one, code, rows=31, columns=99))
        self.assertEqual(status, 0)
        self.assertEqual(text.splitlines()[:4], ["True", "True", "True", "tty"])
        self.assertIn("by name", text)

    def test_only_the_own_terminal_is_there(self):
        """No terminal without one among the standard streams, no other one besides it, and never
        the side from which terminals are made."""
        code = ("import os\n"
                "print(os.path.exists('/dev/console'), sorted(os.listdir('/dev/pts')))\n")
        self.assertEqual(self.project.code(code).stdout, "False ['ptmx']\n")
        master, other = os.openpty()
        try:
            name = os.ttyname(other)
            done = self.project.python("-c", code, stdin=master)
            self.assertEqual(done.stdout, "False ['ptmx']\n")
            look = f"import os; print(os.path.exists('/dev/console'), os.path.exists('{name}'))"
            self.assertEqual(self.talk(self.project, look)[0].split(), ["True", "False"])
            self.assertEqual(self.talk(self.twin, look)[0].split()[1], "True")
        finally:
            os.close(master)
            os.close(other)

    def test_window_size_changes(self):
        code = ("import os, signal, time\nseen = []\n"
                "signal.signal(signal.SIGWINCH, lambda *a: seen.append(tuple("
                "os.get_terminal_size(0))))\n"
                "print('ready', flush=True)\nend = time.time() + 10\n"
                "while len(seen) < 2 and time.time() < end: time.sleep(0.01)\n"
                "time.sleep(0.4)\nprint(seen)\n")

        def ask(one):
            with support.Terminal(one.bin(), "-c", code, cwd=one.path) as terminal:
                terminal.expect("ready")
                terminal.resize(40, 120)
                time.sleep(0.2)
                terminal.resize(41, 121)
                return terminal.rest(), terminal.wait()

        self.assertIn("[(120, 40), (121, 41)]", self.same(ask)[0])

    def test_own_ptys_inside(self):
        code = ("import os, pty\nm, s = pty.openpty()\nos.write(m, b'x\\n')\n"
                "print(os.read(s, 10), os.path.exists(os.ttyname(s)), os.isatty(s))\n"
                "print(pty.spawn(['/bin/echo', 'spawned']))\n")
        self.same(lambda one: self.talk(one, code))

    def test_interrupt_key(self):
        code = ("import time\ntry:\n    print('ready', flush=True); time.sleep(30)\n"
                "except KeyboardInterrupt:\n    print('interrupted', flush=True); time.sleep(0.3)\n"
                "    raise SystemExit(5)\n")

        def ask(one):
            with support.Terminal(one.bin(), "-c", code, cwd=one.path) as terminal:
                terminal.expect("ready\r\n")
                time.sleep(0.3)  # a key between the word and the sleep is noticed after the sleep
                terminal.send("\x03")
                return terminal.rest(), terminal.wait()

        text, status = self.same(ask)
        self.assertEqual(text.count("interrupted"), 1)
        self.assertEqual(os.waitstatus_to_exitcode(status), 5)

    def test_default_interrupt(self):
        def ask(one):
            with support.Terminal(one.bin(), "-c", "import time, signal\n"
                                  "print('ready', flush=True); time.sleep(30)",
                                  cwd=one.path) as terminal:
                terminal.expect("ready")
                time.sleep(0.3)
                terminal.send("\x03")
                return terminal.rest().count("KeyboardInterrupt"), terminal.wait()

        self.assertEqual(self.same(ask), (1, signal.SIGINT))

    def test_interactive_python(self):
        def ask(one):
            with support.Terminal(one.bin(), "-i", "-q", "-c", "", cwd=one.path,
                                  env=support.environment(TERM="dumb", PYTHONSTARTUP=None,
                                                          HOME=str(one.path))) as terminal:
                terminal.expect(">>> ")
                terminal.send("print(6 * 7)\n")
                terminal.expect("\n42\r")
                terminal.expect(">>> ")
                time.sleep(0.3)
                terminal.send("\x03")
                terminal.expect("KeyboardInterrupt")
                terminal.expect(">>> ")
                terminal.send("exit(4)\n")
                terminal.rest()
                return terminal.wait()

        self.assertEqual(os.waitstatus_to_exitcode(self.same(ask)), 4)


class JobControl(Wrapped):
    """A real interactive bash on a terminal."""

    def shell(self, one):
        env = support.environment(TERM="dumb", PS1="$ ", HISTFILE=None, INPUTRC="/dev/null",
                                  PATH="/usr/bin:/bin", PROMPT_COMMAND=None)
        terminal = support.Terminal("bash", "--noprofile", "--norc", "-i", cwd=one.path, env=env)
        self.addCleanup(terminal.close)
        terminal.send("PS1='rea''dy> '; bind 'set enable-bracketed-paste off' 2>/dev/null\n")
        terminal.expect("ready> ")
        return terminal

    @staticmethod
    def clean(text):
        """Process ids and blanks differ between runs."""
        text = re.sub(r"\x1b\[[0-9;?]*[a-z]", "", text)
        text = re.sub(r"\[(\d)\] \d{2,}", r"[\1] PID", text)
        return re.sub(r"[ \t\r]+", " ", text)

    def session(self, one, steps):
        terminal = self.shell(one)
        transcript = []
        for typed, expected in steps:
            if typed < " ":
                time.sleep(0.3)  # a key between fg's echo and its effect would be bash's
            terminal.send(typed)
            before = terminal.seen
            match = terminal.expect(expected)
            transcript.append(self.clean(before[:match.start()] + match.group(0)))
        terminal.send("exit 0\n")
        transcript.append(self.clean(terminal.rest()))
        transcript.append(terminal.wait())
        return transcript

    def same_session(self, steps):
        wrapped = self.session(self.project, steps)
        native = self.session(self.twin, steps)
        self.assertEqual(wrapped, native)

    PROGRAM = ("import sys, time\nn = 0\nprint('up', flush=True)\n"
               "try:\n    for line in sys.stdin:\n        n += 1\n"
               "        print('got', line.strip(), flush=True)\n"
               "except KeyboardInterrupt:\n    print('interrupted', flush=True)\n"
               "    raise SystemExit(9)\n")

    def setUp(self):
        for one in (self.project, self.twin):
            one.write("job.py", self.PROGRAM)

    def test_interrupt(self):
        self.same_session([
            (".venv/bin/python job.py\n", r"up\r\n"),
            ("one\n", r"got one\r\n"),
            ("\x03", r"ready> "),
            ("echo status $?\n", r"status 9\r\nready> "),
        ])

    def test_stop_and_continue(self):
        self.same_session([
            (".venv/bin/python job.py\n", r"up\r\n"),
            ("one\n", r"got one\r\n"),
            ("\x1a", r"Stopped.*\r\nready> "),
            ("jobs\n", r"Stopped.*\r\nready> "),
            ("fg\n", r"job\.py\r\n"),
            ("two\n", r"got two\r\n"),
            ("\x1a", r"Stopped.*\r\nready> "),
            ("fg\n", r"job\.py\r\n"),
            ("three\n", r"got three\r\n"),
            ("\x04", r"ready> "),
            ("echo status $?\n", r"status 0\r\nready> "),
        ])

    def test_background(self):
        self.same_session([
            (".venv/bin/python -c 'import time; time.sleep(1); print(\"done\")' &\n", r"ready> "),
            ("wait; echo status $?\n", r"status 0\r\nready> "),
        ])

    def test_stopped_then_background(self):
        self.same_session([
            (".venv/bin/python -c 'import time; print(\"up\", flush=True); time.sleep(2.5);"
             " print(\"end\")'\n", r"\nup\r\n"),
            ("\x1a", r"Stopped.*\r\nready> "),
            ("bg\n", r"ready> "),
            ("wait\n", r"(?s)end\r\n.*ready> "),  # what is typed before is echoed twice or once
        ])

    def test_background_reader_is_stopped(self):
        self.same_session([
            (".venv/bin/python job.py &\n", r"up\r\n"),
            ("sleep 0.5\n", r"ready> "),
            ("\n", r"ready> "),
            ("fg\n", r"job\.py\r\n"),
            ("one\n", r"got one\r\n"),
            ("\x04", r"ready> "),
        ])

    def test_kill_a_job(self):
        self.same_session([
            (".venv/bin/python -c 'import time; print(\"up\", flush=True); time.sleep(30)' &\n",
             r"[\n ]up\r\n"),
            ("kill %1; wait\n", r"ready> "),
        ])

    def test_kill_a_stopped_job(self):
        self.same_session([
            (".venv/bin/python -c 'import time; print(\"up\", flush=True); time.sleep(30)'\n",
             r"\nup\r\n"),
            ("\x1a", r"Stopped.*\r\nready> "),
            ("kill %1; fg 2>/dev/null; wait; echo over\n", r"over\r\nready> "),
        ])

    def test_pipeline(self):
        self.same_session([
            (".venv/bin/python -c 'import time; print(\"up\", flush=True); time.sleep(20)' | cat\n",
             r"\nup\r\n"),
            ("\x1a", r"Stopped.*\r\nready> "),
            ("fg\n", r"cat\r\n"),
            ("\x03", r"ready> "),
        ])

    def test_quit_key(self):
        self.same_session([
            ("ulimit -c 0; .venv/bin/python -c 'import time; print(\"up\", flush=True);"
             " time.sleep(20)'\n", r"\nup\r\n"),
            ("\x1c", r"ready> "),
            ("echo status $?\n", r"status 131\r\nready> "),
        ])


class OwnGroup(JobControl):
    """Programs that make a process group of their own: natively the leader of a job can't leave
    it, and keeps its terminal and its signals."""

    PROGRAM = "import os\nos.setpgrp()\n" + JobControl.PROGRAM

    # Of those inherited, these say nothing about groups.
    test_pipeline = test_background = None

    def test_is_its_own_leader(self):
        code = "import os; os.setpgrp(); print(os.getpgrp() == os.getpid(), os.ttyname(0) > '')"
        self.same_session([(f".venv/bin/python -c \"{code}\"\n", r"True True\r\nready> ")])


class Shell(Wrapped):
    """`sandbox-venv shell` on a terminal: the shell is an interactive one with job control."""

    def shell(self, path, inside=True):
        env = support.environment(TERM="dumb", SHELL=path, HISTFILE=None, INPUTRC="/dev/null",
                                  PS1="in> ", ENV=None, PROMPT_COMMAND=None)
        argv = [support.TOOL, "shell", self.project.env_dir] if inside else [path, "-i"]
        terminal = support.Terminal(*argv, cwd=self.project.path, env=env)
        self.addCleanup(terminal.close)
        terminal.send("PS1='rea''dy> '\n")
        terminal.expect("ready> ")
        return terminal

    def end(self, terminal):
        terminal.send("exit 7\n")
        return terminal.rest(), os.waitstatus_to_exitcode(terminal.wait())

    def each(self):
        for path in ("/bin/dash", "/bin/bash"):
            if os.path.exists(path):
                with self.subTest(path):
                    yield path

    def test_activated(self):
        for path in self.each():
            terminal = self.shell(path)
            terminal.send("echo =$(command -v python)=$VIRTUAL_ENV=\n")
            env_dir = self.project.env_dir
            terminal.expect(f"={env_dir}/bin/python={env_dir}=")
            self.assertEqual(self.end(terminal)[1], 7)

    def test_no_complaint(self):
        for path in self.each():
            terminal = self.shell(path)
            terminal.send("echo $(( 6 * 7 ))\n")
            terminal.expect(r"\n42\r\nready> ")
            text, status = self.end(terminal)
            self.assertEqual(status, 7)
            self.assertNotRegex(text, "(?i)cannot|job control|no such process")

    def test_stop_and_continue(self):
        for path in self.each():
            terminal = self.shell(path)
            terminal.send("echo u''p; cat\n")  # only what runs then reads the line
            terminal.expect(r"\nup\r\n")
            terminal.send("one\n")
            terminal.expect(r"one\r\none\r\n")
            time.sleep(0.3)
            terminal.send("\x1a")
            terminal.expect(r"(?i)stopped[^\n]*\n(.*\n)*ready> ")
            terminal.send("fg\n")
            terminal.expect(r"cat\r\n")
            terminal.send("two\n")
            terminal.expect(r"two\r\ntwo\r\n")
            time.sleep(0.3)
            terminal.send("\x03")
            terminal.expect("ready> ")
            self.assertEqual(self.end(terminal)[1], 7)

    def test_terminal_comes_back(self):
        """The caller has the terminal again, also when nobody else gives it back."""
        tool, env_dir = support.TOOL, self.project.env_dir
        for path in self.each():
            script = f"'{tool}' shell '{env_dir}'; read x; echo \"got $x\""
            with support.Terminal("/bin/sh", "-c", script, cwd=self.project.path,
                                  env=support.environment(TERM="dumb", SHELL=path, PS1="in> ",
                                                          ENV=None)) as terminal:
                terminal.send("PS1='rea''dy> '\n")
                terminal.expect("ready> ")
                terminal.send("exit\n")
                time.sleep(1)
                terminal.send("back\n")
                terminal.expect("got back")
                self.assertEqual(terminal.wait(), 0)

    def test_suspended(self):
        """An inner shell that is suspended stops its job in the outer shell, and fg brings it
        back."""
        outer = self.shell("/bin/bash", inside=False)
        outer.send(f"SHELL=/bin/bash '{support.TOOL}' shell '{self.project.env_dir}'\n")
        outer.send("PS1='inn''er> '\n")
        outer.expect("inner> ")
        outer.send("suspend\n")
        outer.expect(r"Stopped[^\n]*\n(.*\n)*ready> ")
        outer.send("fg\n")
        outer.send("echo $(( 6 * 7 ))\n")
        outer.expect(r"\n42\r\n(.*\n)*inner> ")
        outer.send("exit\n")
        outer.expect("ready> ")
        self.assertEqual(self.end(outer)[1], 7)

    def test_without_a_terminal(self):
        done = support.tool("shell", self.project.env_dir, input="echo $(( 6 * 7 ))\nexit 3\n",
                            env=support.environment(SHELL="/bin/dash"))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (3, "42\n", ""))


class Signals(Wrapped):
    """Every signal arrives exactly once, however it was sent."""

    def counter(self, **options):
        stop = self.project.path / ("stop-" + os.urandom(4).hex())
        process = self.popen(self.project, "python", "-c", COUNTER, stop,
                             stdout=subprocess.PIPE, text=True, **options)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process, stop

    def counts(self, process, stop, settle=0.25):
        time.sleep(settle)
        stop.write_text("")
        text = process.stdout.read()
        self.assertEqual(process.wait(30), 0)
        return {int(number): count for number, count in json.loads(text).items()}

    def test_to_the_process(self):
        process, stop = self.counter()
        for number in (*SIGNALS, signal.SIGWINCH, signal.SIGUSR2, signal.SIGQUIT, signal.SIGALRM):
            process.send_signal(number)
            time.sleep(0.05)
        expected = dict.fromkeys(map(int, (*SIGNALS, signal.SIGWINCH, signal.SIGUSR2,
                                           signal.SIGQUIT, signal.SIGALRM)), 1)
        self.assertEqual(self.counts(process, stop), expected)

    def test_to_the_group(self):
        process, stop = self.counter(start_new_session=True)
        for number in (*SIGNALS, signal.SIGWINCH):
            os.killpg(process.pid, number)
            time.sleep(0.05)
        expected = dict.fromkeys(map(int, (*SIGNALS, signal.SIGWINCH)), 1)
        self.assertEqual(self.counts(process, stop), expected)

    def test_to_every_process_of_the_tree(self):
        """Who takes longer than a moment from one process to the next sends two signals: rounds in
        which this sender lost the processor that long say nothing."""
        for _ in range(20):
            process, stop = self.counter(start_new_session=True)
            longest = 0.0
            for number in SIGNALS:
                pids = [process.pid, *support.descendants(process.pid)]
                begin = time.monotonic()
                for pid in pids:
                    os.kill(pid, number)
                longest = max(longest, time.monotonic() - begin)
                time.sleep(0.4)
            counts = self.counts(process, stop)
            if longest < 0.01:
                break
        else:
            support.skip("the sender never got the processor for 10 ms on end")
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
                    time.sleep(0.1)
                self.assertEqual(self.counts(process, stop), {int(signal.SIGUSR1): 3})

    def test_different_signals_at_once(self):
        process, stop = self.counter(start_new_session=True)
        for number in SIGNALS:
            process.send_signal(number)
        self.assertEqual(self.counts(process, stop), dict.fromkeys(map(int, SIGNALS), 1))

    def test_right_after_the_start(self):
        """A signal that arrives while the sandbox is being made ends the start."""
        for delay in [step * 0.0004 for step in range(40)]:
            process = self.popen(self.project, "python", "-c", "import time; time.sleep(30)",
                                 stderr=subprocess.PIPE, text=True)
            time.sleep(delay)
            process.terminate()
            self.assertEqual(process.wait(10), -signal.SIGTERM)
            self.assertNotIn("sandbox-venv", process.stderr.read())

    def test_python_ends_by_the_default(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
            process = self.popen(self.project, "python", "-c",
                                 "import time; print('up', flush=True); time.sleep(30)",
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            process.stdout.readline()
            process.send_signal(number)
            self.assertEqual(process.wait(10), -number)

    def test_stop_and_continue_by_signal(self):
        process, stop = self.counter(start_new_session=True)
        os.kill(process.pid, signal.SIGSTOP)
        pid, status = os.waitpid(process.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status))
        os.kill(process.pid, signal.SIGCONT)
        self.assertEqual(self.counts(process, stop).get(int(signal.SIGCONT)), 1)

    def stop_all(self, project, way):
        """Stops and continues by group or tree; returns what the program saw of it."""
        beat = project.path / "beat"
        beat.write_text("")
        code = ("import os, signal, sys, time\nseen = []\n"
                "signal.signal(signal.SIGCONT, lambda *_: seen.append(1))\n"
                "signal.signal(signal.SIGTERM, lambda *_: sys.exit(len(seen)))\n"
                "print('up', flush=True)\n"
                "while True:\n    os.write(2, b'.')\n    time.sleep(0.02)\n")
        with open(beat, "ab") as out:
            process = self.popen(project, "python", "-c", code, stdout=subprocess.PIPE, stderr=out,
                                 start_new_session=True)
        process.stdout.readline()

        def send(number):
            if way == "group":
                os.killpg(process.pid, number)
                return
            for pid in [process.pid, *support.descendants(process.pid)]:
                os.kill(pid, number)

        def stopped(pid):
            text = pathlib.Path(f"/proc/{pid}/stat").read_text()
            return text.rpartition(")")[2].split()[0] == "T"

        send(signal.SIGSTOP)
        pids = [process.pid, *support.descendants(process.pid)]
        self.assertTrue(support.wait_for(lambda: all(map(stopped, pids))))
        size = beat.stat().st_size
        time.sleep(0.3)
        self.assertEqual(beat.stat().st_size, size)
        send(signal.SIGCONT)
        self.assertTrue(support.wait_for(lambda: beat.stat().st_size > size))
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def test_stop_and_continue_all(self):
        for way in ("group", "tree"):
            with self.subTest(way):
                self.assertEqual(self.stop_all(self.twin, way), 1)
                self.assertEqual(self.stop_all(self.project, way), 1)

    def test_program_signals_its_own_group(self):
        code = ("import os, signal, time\nn = []\n"
                "signal.signal(signal.SIGUSR1, lambda *a: n.append(1))\n"
                "os.killpg(0, signal.SIGUSR1) if False else os.kill(0, signal.SIGUSR1)\n"
                "time.sleep(0.3); print(len(n))\n")
        self.same(lambda one: one.code(code, start_new_session=True).stdout)

    def test_subprocess_timeout(self):
        """subprocess's kill of the stub leaves nothing behind."""
        with self.assertRaises(subprocess.TimeoutExpired):
            self.project.code("import time; time.sleep(60)", timeout=1)


class Death(Wrapped):
    @staticmethod
    def is_ours(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/comm").read_text() == "sandbox-venv\n"
        except OSError:
            return True

    def test_killing_the_stub_ends_everything(self):
        beat = self.project.path / "beat"
        process = self.popen(self.project, "python", "-c", textwrap.dedent(f"""
            import os, time
            for _ in range(3):
                if os.fork() == 0:
                    os.setsid()
                    break
            print('up', flush=True)
            while True:
                open({str(beat)!r}, 'w').close(); time.sleep(0.02)
            """), stdout=subprocess.PIPE)
        for _ in range(4):
            process.stdout.readline()
        inside = support.descendants(process.pid)
        self.assertGreaterEqual(len(inside), 4)
        process.kill()
        process.wait(10)
        # Pid 1 is dead as well, but stays until its orphans are reaped by the machine's own init.
        programs = [pid for pid in inside if not self.is_ours(pid)]
        self.assertTrue(support.wait_for(lambda: not any(map(support.alive, programs)), 1.0))
        self.assertTrue(support.wait_for(lambda: not any(map(support.alive, inside)), 10.0))
        beat.unlink(missing_ok=True)
        time.sleep(0.2)
        self.assertFalse(beat.exists())

    def test_killing_the_stub_at_any_moment(self):
        for step in range(25):
            process = self.popen(self.project, "python", "-c", "import time; time.sleep(60)")
            time.sleep(step * 0.0007)
            below = support.descendants(process.pid)
            process.kill()
            process.wait(10)
            self.assertTrue(support.wait_for(lambda b=below: not any(map(support.alive, b)), 10.0))
        self.assertTrue(support.wait_for(lambda: not self.ours_of_this_venv(), 10.0),
                        self.ours_of_this_venv())

    def ours_of_this_venv(self):
        return [pid for pid in os.listdir("/proc") if pid.isdigit() and support.alive(pid)
                and str(self.project.env_dir).encode() in self.command_line(pid)]

    @staticmethod
    def command_line(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""

    def test_refusals_leave_nothing(self):
        (self.project.path / ".env").symlink_to("/etc/hosts")
        try:
            self.assert_refused(self.project.code("pass", timeout=10))
        finally:
            (self.project.path / ".env").unlink()
        self.assertTrue(support.wait_for(lambda: not self.ours_of_this_venv(), 5.0))


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    null = os.open('/dev/null', os.O_RDWR)
    for fd in (0, 1, 2): os.dup2(null, fd)
    end = time.time() + 20
    while time.time() < end:
        open(sys.argv[1], 'w').close(); time.sleep(0.02)
        if os.path.exists(sys.argv[1] + '.stop'): break
    os._exit(0)
"""


class Lifetime(support.Case):
    def beats(self, beat):
        beat.unlink(missing_ok=True)
        return bool(support.wait_for(beat.exists, 1.0))

    def test_tree(self):
        project = self.wrapped(policy="lifetime: tree\n")
        beat = project.path / "beat"
        begin = time.monotonic()
        self.assert_clean(project.code(DAEMON, beat))
        self.assertLess(time.monotonic() - begin, 5)
        self.assertTrue(self.beats(beat))
        time.sleep(0.5)
        self.assertTrue(self.beats(beat))
        self.assert_clean(project.code("print('another start meanwhile')"))
        (project.path / "beat.stop").write_text("")
        self.assertTrue(support.wait_for(lambda: not self.beats(beat), 5))

    def test_program(self):
        project = self.wrapped(policy="lifetime: program\n")
        beat = project.path / "beat"
        self.assert_clean(project.code(DAEMON, beat))
        self.assertFalse(self.beats(beat))

    def test_children_that_hold_the_pipe(self):
        """As natively: who reads to the end waits for every writer."""
        project = self.wrapped(policy="lifetime: tree\n")
        done = project.code("import os, time\nif os.fork() == 0:\n    time.sleep(0.7)\n"
                            "    os.write(1, b'child')\n    os._exit(0)\n"
                            "os.write(1, b'parent ')")
        self.assertEqual((done.returncode, done.stdout), (0, "parent child"))


class Surroundings(Wrapped):
    """What a process inherits."""

    def test_parent_and_ids(self):
        code = ("import os, json; print(json.dumps([os.getppid() != 1, os.getuid(), os.geteuid(),"
                " os.getgid(), os.getegid(), os.getresuid()]))")
        self.same(lambda one: one.value(code))

    def test_process_group_and_session(self):
        code = ("import os; print(os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid())")
        self.assertIn("False", self.same(lambda one: one.code(code).stdout))

    def test_user_name_and_home(self):
        code = ("import os, getpass, pwd, grp, json; print(json.dumps([getpass.getuser(),"
                " pwd.getpwuid(os.getuid()).pw_dir, os.path.expanduser('~'),"
                " grp.getgrgid(os.getgid()).gr_name]))")
        self.same(lambda one: one.value(code))

    def test_limits_nice_affinity_umask(self):
        code = textwrap.dedent("""
            import json, os, resource
            names = ('AS', 'CPU', 'DATA', 'FSIZE', 'STACK')
            print(json.dumps([
                [resource.getrlimit(getattr(resource, 'RLIMIT_' + n)) for n in names],
                resource.getrlimit(resource.RLIMIT_NOFILE)[0], os.nice(0),
                sorted(os.sched_getaffinity(0)), os.umask(0o77), os.cpu_count(),
                os.sched_getscheduler(0)]))
            """)

        def prepare():
            resource.setrlimit(resource.RLIMIT_NOFILE, (700, 700))
            resource.setrlimit(resource.RLIMIT_FSIZE, (10 ** 9, 10 ** 9))
            resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 4 << 20))
            os.nice(3)
            os.umask(0o27)
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

        seen = self.same(lambda one: one.value(code, preexec_fn=prepare))
        self.assertEqual(seen[1:5], [700, min(19, os.nice(0) + 3), seen[3], 0o27])
        self.same(lambda one: one.value(code))

    def test_usage_of_children_is_counted(self):
        code = "n = 0\nwhile n < 4000000: n += 1\n"

        def ask(one):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.assert_clean(one.code(code))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime - before.ru_utime

        wrapped, native = self.both(ask)
        self.assertGreater(wrapped, native * 0.5)

    def test_time_of_a_shell(self):
        done = support.run("bash", "-c", "TIMEFORMAT=%U; time .venv/bin/python -c "
                           "'n = 0\nwhile n < 3000000: n += 1'", cwd=self.project.path)
        self.assertGreater(float(done.stderr), 0.05)

    def test_working_directory(self):
        code = "import os; print(os.getcwd(), os.environ['PWD'], len(os.listdir('.')) > 0)"
        below = {one: one.path / "some where" for one in (self.project, self.twin)}
        for one, path in below.items():
            path.mkdir()
            (path / "file").write_text("")

        def ask(one):
            done = support.run("bash", "-c", 'exec "$0" -c "$1"', one.bin(), code, cwd=below[one])
            return (done.returncode, done.stderr,
                    done.stdout.replace(str(self.twin.path), str(self.project.path)))

        self.same(ask)

    def test_working_directory_that_is_not_shown(self):
        with tempfile.TemporaryDirectory(dir=self.project.top) as outside:
            outside = os.path.realpath(outside)
            pathlib.Path(outside, "private").write_text("")
            done = self.project.code("import os; print(os.getcwd()); print(os.listdir('.'))",
                                     cwd=outside)
            self.assert_clean(done)
            self.assertEqual(done.stdout.splitlines(), [outside, "[]"])
            self.project.code("open('x', 'w')", cwd=outside)
            self.assertEqual(os.listdir(outside), ["private"])

    def test_deleted_working_directory(self):
        gone = self.project.path / "gone"
        gone.mkdir()
        done = support.run("sh", "-c", 'cd gone && rmdir ../gone && exec "$0" -c pass',
                           self.project.bin(), cwd=self.project.path)
        self.assert_refused(done, 125, "working directory")

    def test_empty_argv(self):
        """execve with no argv[0] at all: refused or run, in one piece, and never our crash."""
        helper = ("import ctypes, os, sys\n"
                  "libc = ctypes.CDLL(None)\n"
                  "argv = (ctypes.c_char_p * 1)(None)\n"
                  "env = (ctypes.c_char_p * 2)(b'PATH=/usr/bin:/bin', None)\n"
                  "libc.execve(sys.argv[1].encode(), argv, env)\n")
        done = support.run(support.system_python(), "-c", helper, self.project.bin(),
                           input="print('fine')", cwd=self.project.path)
        if done.returncode == 125:
            self.assert_refused(done)
        else:
            self.assertEqual((done.returncode, done.stdout), (0, "fine\n"))

    def test_empty_environment(self):
        done = self.project.run("/usr/bin/env", "-i", self.project.bin(), "-c",
                                "import os, sys; print(sys.prefix)")
        self.assert_clean(done)
        self.assertEqual(done.stdout.strip(), str(self.project.env_dir))


class Descriptors(Wrapped):
    CODE = textwrap.dedent("""
        import json, os, stat, sys
        kinds = {}
        for fd in map(int, sys.argv[1:]):
            try:
                kinds[fd] = stat.S_IFMT(os.fstat(fd).st_mode)
            except OSError:
                kinds[fd] = 0
        print(json.dumps(kinds))
        """)

    def ask(self, one, *fds, **options):
        return {int(fd): kind for fd, kind in
                one.value(self.CODE, *map(str, fds), pass_fds=fds, **options).items()}

    def test_pipes_and_files_pass(self):
        reader, writer = os.pipe()
        path = self.project.write("inherited", "text")
        file = os.open(path, os.O_RDONLY)
        for fd in (reader, writer, file):
            self.addCleanup(os.close, fd)
        seen = self.same(lambda one: self.ask(one, reader, writer, file))
        self.assertNotIn(0, seen.values())
        outside = tempfile.TemporaryFile()
        self.addCleanup(outside.close)
        self.assertNotIn(0, self.ask(self.project, outside.fileno()).values())

    def test_a_pipe_carries(self):
        reader, writer = os.pipe()
        done = self.project.code("import os, sys; os.write(int(sys.argv[1]), b'through')",
                                 str(writer), pass_fds=(writer,))
        os.close(writer)
        self.assert_clean(done)
        self.assertEqual(os.read(reader, 100), b"through")
        os.close(reader)

    def test_directories_and_sockets_dont(self):
        directory = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        path_only = os.open("/etc/passwd", os.O_PATH)
        ours, theirs = socket.socketpair()
        namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        root = os.open("/proc/self/root", os.O_PATH)
        fds = (directory, path_only, theirs.fileno(), namespace, root)
        try:
            self.assertEqual(set(self.ask(self.project, *fds).values()), {0})
            self.assertNotIn(0, self.ask(self.twin, *fds).values())
        finally:
            for fd in (directory, path_only, namespace, root):
                os.close(fd)
            ours.close()
            theirs.close()

    def test_nothing_of_ours_is_open(self):
        code = "import os; print(sorted(os.listdir('/proc/self/fd'))[:-1])"
        self.assertEqual(self.same(lambda one: one.code(code).stdout), "['0', '1', '2']\n")

    def test_socket_activation(self):
        server = socket.socket()
        server.bind(("127.0.0.1", 0))
        server.listen()
        self.addCleanup(server.close)
        code = ("import os, socket\n"
                "assert os.environ['LISTEN_PID'] == str(os.getpid()), os.environ['LISTEN_PID']\n"
                "s = socket.socket(fileno=3); c, _ = s.accept(); c.sendall(b'hello'); c.close()\n")
        script = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" -c "$1" 3<&' + str(server.fileno())
        process = self.popen(self.project, "/bin/bash", "-c", script, self.project.bin(), code,
                             pass_fds=(server.fileno(),), stderr=subprocess.PIPE, text=True)
        with socket.create_connection(server.getsockname(), timeout=10) as client:
            client.settimeout(10)
            self.assertEqual(client.recv(100), b"hello")
        self.assertEqual((process.wait(10), process.stderr.read()), (0, ""))


MULTI = """
import multiprocessing as mp, os, sys
from multiprocessing import shared_memory
def square(n): return n * n
def add(lock, value, n):
    for _ in range(n):
        with lock: value.value += 1
def fill(name):
    block = shared_memory.SharedMemory(name=name); block.buf[0] = 42; block.close()
def talk(queue, pipe):
    queue.put(os.getpid() != os.getppid()); pipe.send(sys.executable); pipe.close()
if __name__ == '__main__':
    mp.set_start_method(sys.argv[1])
    with mp.Pool(3) as pool:
        print(pool.map(square, range(10)))
    lock, value = mp.Lock(), mp.Value('i', 0, lock=False)
    workers = [mp.Process(target=add, args=(lock, value, 200)) for _ in range(3)]
    [w.start() for w in workers]; [w.join() for w in workers]
    print(value.value, [w.exitcode for w in workers])
    block = shared_memory.SharedMemory(create=True, size=16)
    w = mp.Process(target=fill, args=(block.name,)); w.start(); w.join()
    print(block.buf[0]); block.close(); block.unlink()
    queue, (ours, theirs) = mp.Queue(), mp.Pipe()
    w = mp.Process(target=talk, args=(queue, theirs)); w.start()
    print(queue.get(timeout=20), ours.recv() == sys.executable); w.join()
    with mp.Manager() as manager:
        d = manager.dict(); d['x'] = 1; print(dict(d), manager.list([1, 2])[1])
    event = mp.Event(); event.set(); print(event.wait(1), mp.Semaphore(2).acquire())
"""


class Subprocesses(Wrapped):
    def test_multiprocessing(self):
        for one in (self.project, self.twin):
            one.write("multi.py", MULTI)
        for method in ("fork", "spawn", "forkserver"):
            with self.subTest(method):
                wrapped, native = self.both(lambda one, m=method: one.python("multi.py", m))
                self.assert_same(wrapped, native, self.project, self.twin)
                self.assert_clean(wrapped)

    def test_futures_threads_asyncio(self):
        code = textwrap.dedent("""
            import asyncio, concurrent.futures, subprocess, sys, threading
            with concurrent.futures.ProcessPoolExecutor(2) as pool:
                print(list(pool.map(abs, [-1, -2])))
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                print(sum(pool.map(abs, range(-100, 0))))
            async def main():
                p = await asyncio.create_subprocess_exec(sys.executable, '-c', 'print(1)',
                    stdout=subprocess.PIPE)
                print(await p.communicate(), p.returncode)
                server = await asyncio.start_server(lambda r, w: (w.write(b'x'), w.close()),
                                                    '127.0.0.1', 0)
                r, w = await asyncio.open_connection(*server.sockets[0].getsockname())
                print(await r.read()); w.close(); server.close()
            asyncio.run(main())
            """)
        wrapped, native = self.both(lambda one: one.code(code))
        self.assert_same(wrapped, native, self.project, self.twin)
        self.assert_clean(wrapped)

    def test_subprocess_of_the_interpreter(self):
        code = ("import subprocess, sys\n"
                "p = subprocess.run([sys.executable, '-c', 'import sys; print(sys.prefix);"
                " sys.exit(3)'], stdout=-1, text=True)\n"
                "print(p.stdout, p.returncode)\n"
                "print(subprocess.run(['sh', '-c', 'kill -9 $$']).returncode)\n"
                "print(subprocess.check_output(['uname', '-s']))\n")
        wrapped, native = self.both(lambda one: one.code(code))
        self.assert_same(wrapped, native, self.project, self.twin)

    def test_orphans_are_reaped(self):
        code = textwrap.dedent("""
            import os, time
            for _ in range(20):
                if os.fork() == 0:
                    if os.fork() == 0: os._exit(0)
                    os._exit(0)
                os.wait()
            time.sleep(0.3)
            states = []
            for pid in os.listdir('/proc'):
                if pid.isdigit():
                    states.append(open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[0])
            print(states.count('Z'))
            """)
        self.assertEqual(self.project.code(code).stdout, "0\n")

    def test_a_second_wrapped_venv_of_the_project(self):
        inner = self.project.path / "other env"
        support.run(support.system_python(), "-m", "venv", "--without-pip", inner, check=True)
        support.tool("wrap", inner, check=True)
        self.addCleanup(support.tool, "unwrap", inner, "--purge")
        done = self.project.code("import subprocess, sys; print(subprocess.run([sys.argv[1], '-c',"
                                 " 'print(1)'], stdout=-1, stderr=-1, text=True))",
                                 inner / "bin/python")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"returncode=(0|126|127)")

    def test_a_venv_made_inside(self):
        done = self.project.code(
            "import subprocess, sys\n"
            "subprocess.check_call([sys.executable, '-m', 'venv', '--without-pip', 'made'])\n"
            "print(subprocess.check_output(['made/bin/python', '-c', 'import sys;"
            " print(sys.prefix)'], text=True))\n")
        self.assert_clean(done)
        self.assertEqual(done.stdout.strip(), str(self.project.path / "made"))

    def test_own_stub_inside(self):
        """The same venv called again from inside stays in the sandbox."""
        done = self.project.code("import subprocess, sys; print(subprocess.check_output("
                                 "['.venv/bin/python', '-c', 'import os; print(os.getpid())']))")
        self.assert_clean(done)

    def test_sixteen_at_once(self):
        processes = [self.popen(self.project, "python", "-c",
                                f"import time; time.sleep(0.2); print({n})",
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                     for n in range(16)]
        for n, process in enumerate(processes):
            out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, out, err), (0, f"{n}\n", ""))

    def test_first_starts_at_once(self):
        """Sixteen starts that all find that the plan has to be made."""
        (self.project.env_dir / "sandbox" / "plan").unlink()
        self.test_sixteen_at_once()


if __name__ == "__main__":
    sys.exit(unittest.main())
