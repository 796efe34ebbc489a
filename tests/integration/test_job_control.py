"""Jobs of an interactive shell, outside and inside."""

import os
import re

from lib.environment import environment
from lib.installed import TOOL
from lib.pair import Compared
from lib.processes import descendants, stat_of, wait_for
from lib.programs import tool
from lib.terminal import Terminal


def sleeper(seconds, after=""):
    """A command that says when it runs."""
    code = f'import time; print("up", flush=True); time.sleep({seconds}){after}'
    return f".venv/bin/python -c '{code}'"


class JobControl(Compared):
    """A real interactive bash on a terminal."""

    def shell(self, one):
        env = environment(
            TERM="dumb",
            PS1="$ ",
            HISTFILE=None,
            INPUTRC="/dev/null",
            PATH="/usr/bin:/bin",
            PROMPT_COMMAND=None,
        )
        terminal = Terminal("bash", "--noprofile", "--norc", "-i", cwd=one.path, env=env)
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
            if typed == "\n":
                terminal.wait_for_stopped_job()
            elif typed < " ":  # a key between fg's echo and its effect would be bash's
                terminal.wait_for_foreground(other_than=terminal.process.pid)
            terminal.send(typed)
            before = terminal.seen
            match = terminal.expect(expected)
            transcript.append(self.clean(before[: match.start()] + match.group(0)))
        terminal.send("exit 0\n")
        transcript.append(self.clean(terminal.rest()))
        transcript.append(terminal.wait())
        return transcript

    def same_session(self, steps):
        wrapped = self.session(self.project, steps)
        native = self.session(self.twin, steps)
        self.assertEqual(wrapped, native)

    PROGRAM = (
        "import sys, time\nn = 0\nprint('up', flush=True)\n"
        "try:\n    for line in sys.stdin:\n        n += 1\n"
        "        print('got', line.strip(), flush=True)\n"
        "except KeyboardInterrupt:\n    print('interrupted', flush=True)\n"
        "    raise SystemExit(9)\n"
    )

    def setUp(self):
        for one in (self.project, self.twin):
            one.write("job.py", self.PROGRAM)

    def test_interrupt(self):
        self.same_session(
            [
                (".venv/bin/python job.py\n", r"up\r\n"),
                ("one\n", r"got one\r\n"),
                ("\x03", r"ready> "),
                ("echo status $?\n", r"status 9\r\nready> "),
            ]
        )

    def test_stop_and_continue(self):
        self.same_session(
            [
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
            ]
        )

    def test_background(self):
        self.same_session(
            [
                (
                    ".venv/bin/python -c 'import time; time.sleep(1); print(\"done\")' &\n",
                    r"ready> ",
                ),
                ("wait; echo status $?\n", r"status 0\r\nready> "),
            ]
        )

    def test_stopped_then_background(self):
        self.same_session(
            [
                (sleeper(2.5, '; print("end")') + "\n", r"\nup\r\n"),
                ("\x1a", r"Stopped.*\r\nready> "),
                ("bg\n", r"ready> "),
                ("wait\n", r"(?s)end\r\n.*ready> "),  # what is typed before is echoed twice or once
            ]
        )

    def test_background_reader_is_stopped(self):
        self.same_session(
            [
                (".venv/bin/python job.py &\n", r"up\r\n"),
                ("\n", r"Stopped.*\r\nready> "),
                ("fg\n", r"job\.py\r\n"),
                ("one\n", r"got one\r\n"),
                ("\x04", r"ready> "),
            ]
        )

    def test_kill_a_job(self):
        self.same_session(
            [
                (sleeper(30) + " &\n", r"[\n ]up\r\n"),
                ("kill %1; wait\n", r"ready> "),
            ]
        )

    def test_kill_a_stopped_job(self):
        self.same_session(
            [
                (sleeper(30) + "\n", r"\nup\r\n"),
                ("\x1a", r"Stopped.*\r\nready> "),
                ("kill %1; fg 2>/dev/null; wait; echo over\n", r"over\r\nready> "),
            ]
        )

    def test_pipeline(self):
        self.same_session(
            [
                (sleeper(20) + " | cat\n", r"\nup\r\n"),
                ("\x1a", r"Stopped.*\r\nready> "),
                ("fg\n", r"cat\r\n"),
                ("\x03", r"ready> "),
            ]
        )

    def test_quit_key(self):
        self.same_session(
            [
                ("ulimit -c 0; " + sleeper(20) + "\n", r"\nup\r\n"),
                ("\x1c", r"ready> "),
                ("echo status $?\n", r"status 131\r\nready> "),
            ]
        )


class OwnGroup(JobControl):
    """Programs that make a process group of their own: natively the leader of a job can't leave
    it, and keeps its terminal and its signals."""

    PROGRAM = "import os\nos.setpgrp()\n" + JobControl.PROGRAM

    # Of those inherited, these say nothing about groups.
    test_pipeline = test_background = None

    def test_is_its_own_leader(self):
        code = "import os; os.setpgrp(); print(os.getpgrp() == os.getpid(), os.ttyname(0) > '')"
        self.same_session([(f'.venv/bin/python -c "{code}"\n', r"True True\r\nready> ")])


class Shell(Compared):
    """`sandbox-venv shell` on a terminal: the shell is an interactive one with job control."""

    def shell(self, path, inside=True):
        env = environment(
            TERM="dumb",
            SHELL=path,
            HISTFILE=None,
            INPUTRC="/dev/null",
            PS1="in> ",
            ENV=None,
            PROMPT_COMMAND=None,
        )
        argv = [TOOL, "shell", self.project.env_dir] if inside else [path, "-i"]
        terminal = Terminal(*argv, cwd=self.project.path, env=env)
        self.addCleanup(terminal.close)
        terminal.send("PS1='rea''dy> '\n")
        terminal.expect("ready> ")
        return terminal

    def end(self, terminal):
        terminal.send("exit 7\n")
        return terminal.rest(), terminal.wait()

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
            terminal.send("\x1a")
            terminal.expect(r"(?i)stopped[^\n]*\n(.*\n)*ready> ")
            terminal.send("fg\n")
            terminal.expect(r"cat\r\n")
            terminal.send("two\n")
            terminal.expect(r"two\r\ntwo\r\n")
            terminal.send("\x03")
            terminal.expect("ready> ")
            self.assertEqual(self.end(terminal)[1], 7)

    def test_a_job_that_is_left_stopped_ends(self):
        """With its shell, natively too: and nothing of ours stays with it."""
        for inside in (False, True):
            for path in self.each():
                terminal = self.shell(path, inside=inside)
                terminal.send("echo u''p; cat\n")
                terminal.expect(r"\nup\r\n")
                terminal.send("one\n")
                terminal.expect(r"one\r\none\r\n")
                terminal.send("\x1a")
                terminal.expect(r"(?i)stopped[^\n]*\n(.*\n)*ready> ")
                processes = descendants(terminal.process.pid)
                self.assertTrue(processes)
                terminal.send("exit\nexit\n")
                terminal.wait()
                gone = wait_for(lambda those=processes: not any(map(stat_of, those)))
                self.assertTrue(gone, f"inside: {inside}")

    def test_terminal_comes_back(self):
        """The caller has the terminal again, also when nobody else gives it back."""
        env_dir = self.project.env_dir
        for path in self.each():
            script = f"'{TOOL}' shell '{env_dir}'; echo o''ver; read x; echo \"got $x\""
            with Terminal(
                "/bin/sh",
                "-c",
                script,
                cwd=self.project.path,
                env=environment(TERM="dumb", SHELL=path, PS1="in> ", ENV=None),
            ) as terminal:
                terminal.send("PS1='rea''dy> '\n")
                terminal.expect("ready> ")
                terminal.send("exit\n")
                terminal.expect("over")
                terminal.send("back\n")
                terminal.expect("got back")
                self.assertEqual(terminal.wait(), 0)

    def test_suspended(self):
        """An inner shell that is suspended stops its job in the outer shell, and fg brings it
        back."""
        outer = self.shell("/bin/bash", inside=False)
        outer.send(f"SHELL=/bin/bash '{TOOL}' shell '{self.project.env_dir}'\n")
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
        done = tool(
            "shell",
            self.project.env_dir,
            input="echo $(( 6 * 7 ))\nexit 3\n",
            env=environment(SHELL="/bin/dash"),
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (3, "42\n", ""))
