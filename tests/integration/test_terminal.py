"""A program and its terminal."""

import os
import signal

from lib.environment import environment
from lib.pair import Compared
from lib.terminal import Terminal


class Terminals(Compared):
    def talk(self, one, code, **options):
        with Terminal(one.bin(), "-c", code, cwd=one.path, **options) as terminal:
            text = terminal.rest()
            return text, terminal.wait()

    def test_what_a_program_asks_of_its_terminal(self):
        code = (
            "import os, sys, termios, json\n"
            "print(json.dumps([[os.isatty(n) for n in range(3)], os.get_terminal_size(0),"
            " termios.tcgetattr(0)[:4], os.tcgetpgrp(0) == os.getpgrp(), os.ctermid(),"
            " sys.stdout.line_buffering]))\n"
            "open('/dev/tty', 'w').write('by name\\n')\n"
        )
        text, status = self.same(lambda one: self.talk(one, code, rows=33, columns=101))
        self.assertIn("[101, 33]", text)
        self.assertIn("by name", text)
        self.assertEqual(status, 0)

    def test_ttyname(self):
        """Every standard stream has a name, and what is opened by it is that terminal."""
        code = (
            "import os, subprocess\n"
            "for n in range(3):\n"
            "    there, here = os.stat(os.ttyname(n)), os.fstat(n)\n"
            "    print((there.st_dev, there.st_ino, there.st_rdev)"
            " == (here.st_dev, here.st_ino, here.st_rdev))\n"
            "subprocess.run(['sh', '-c', 'test -c \"$(tty)\" && echo tty'])\n"
            "with open(os.ttyname(0), 'r+b', buffering=0) as again:\n"
            "    print(again.isatty(), os.get_terminal_size(again.fileno()))\n"
            "    again.write(b'by name\\n')\n"
        )
        text, status = self.same(lambda one: self.talk(one, code, rows=31, columns=99))
        self.assertEqual(status, 0)
        self.assertEqual(text.splitlines()[:4], ["True", "True", "True", "tty"])
        self.assertIn("by name", text)

    def test_only_the_own_terminal_is_there(self):
        """No terminal without one among the standard streams, no other one besides it, and never
        the side from which terminals are made."""
        code = "import os\nprint(os.path.exists('/dev/console'), sorted(os.listdir('/dev/pts')))\n"
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
        code = (
            "import os, signal, time\nseen = []\n"
            "def changed(*_):\n"
            "    seen.append(tuple(os.get_terminal_size(0))); os.write(1, b'seen\\n')\n"
            "signal.signal(signal.SIGWINCH, changed)\n"
            "print('ready', flush=True)\n"
            "while len(seen) < 2: time.sleep(0.01)\n"
            "time.sleep(0.4)\nprint(seen)\n"
        )

        def ask(one):
            with Terminal(one.bin(), "-c", code, cwd=one.path) as terminal:
                terminal.expect("ready\r\n")
                terminal.resize(40, 120)
                terminal.expect("seen\r\n")
                terminal.resize(41, 121)
                return terminal.rest(), terminal.wait()

        self.assertIn("[(120, 40), (121, 41)]", self.same(ask)[0])

    def test_own_ptys_inside(self):
        code = (
            "import os, pty\nm, s = pty.openpty()\nos.write(m, b'x\\n')\n"
            "print(os.read(s, 10), os.path.exists(os.ttyname(s)), os.isatty(s))\n"
            "print(pty.spawn(['/bin/echo', 'spawned']))\n"
        )
        self.same(lambda one: self.talk(one, code))

    def test_interrupt_key(self):
        code = (
            "import time\ntry:\n    print('ready', flush=True); time.sleep(600)\n"
            "except KeyboardInterrupt:\n    print('interrupted', flush=True); time.sleep(0.3)\n"
            "    raise SystemExit(5)\n"
        )

        def ask(one):
            with Terminal(one.bin(), "-c", code, cwd=one.path) as terminal:
                terminal.expect("ready\r\n")
                terminal.wait_for_foreground()
                terminal.send("\x03")
                return terminal.rest(), terminal.wait()

        text, status = self.same(ask)
        self.assertEqual(text.count("interrupted"), 1)
        self.assertEqual(status, 5)

    def test_default_interrupt(self):
        def ask(one):
            with Terminal(
                one.bin(),
                "-c",
                "import time, signal\nprint('ready', flush=True); time.sleep(600)",
                cwd=one.path,
            ) as terminal:
                terminal.expect("ready")
                terminal.wait_for_foreground()
                terminal.send("\x03")
                return terminal.rest().count("KeyboardInterrupt"), terminal.wait()

        self.assertEqual(self.same(ask), (1, -signal.SIGINT))

    def test_interactive_python(self):
        def ask(one):
            with Terminal(
                one.bin(),
                "-i",
                "-q",
                "-c",
                "",
                cwd=one.path,
                env=environment(TERM="dumb", PYTHONSTARTUP=None, HOME=str(one.path)),
            ) as terminal:
                terminal.expect(">>> ")
                terminal.send("print(6 * 7)\n")
                terminal.expect("\n42\r")
                terminal.expect(">>> ")
                terminal.wait_for_foreground()
                terminal.send("\x03")
                terminal.expect("KeyboardInterrupt")
                terminal.expect(">>> ")
                terminal.send("exit(4)\n")
                terminal.rest()
                return terminal.wait()

        self.assertEqual(self.same(ask), 4)
