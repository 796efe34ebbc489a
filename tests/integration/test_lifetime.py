"""How long a sandbox lives: with the stub, with the program, with all that it started."""

import subprocess
import textwrap
import time

from lib.case import Case
from lib.pair import Compared
from lib.processes import alive, descendants, mentioning, wait_for
from lib.programs import SECONDS, run


class Death(Compared):
    def test_killing_the_stub_ends_everything(self):
        beat = self.project.path / "beat"
        process = self.popen(
            self.project,
            "python",
            "-c",
            textwrap.dedent(f"""
            import os, time
            for _ in range(3):
                if os.fork() == 0:
                    os.setsid()
                    break
            print('up', flush=True)
            while True:
                open({str(beat)!r}, 'w').close(); time.sleep(0.02)
            """),
            stdout=subprocess.PIPE,
        )
        for _ in range(4):
            process.stdout.readline()
        inside = descendants(process.pid)
        self.assertGreaterEqual(len(inside), 4)
        process.kill()
        process.wait(SECONDS)
        # Pid 1 is dead as well, but stays until its orphans are reaped by the machine's own init.
        self.assertTrue(wait_for(lambda: not any(map(alive, inside))))
        beat.unlink(missing_ok=True)
        time.sleep(0.2)
        self.assertFalse(beat.exists())

    def test_killing_the_stub_at_any_moment(self):
        for step in range(25):
            process = self.popen(self.project, "python", "-c", "import time; time.sleep(60)")
            time.sleep(step * 0.0007)
            below = descendants(process.pid)
            process.kill()
            process.wait(SECONDS)
            self.assertTrue(wait_for(lambda b=below: not any(map(alive, b))))
        self.assert_nothing_left()

    def assert_nothing_left(self):
        env_dir = self.project.env_dir
        self.assertTrue(wait_for(lambda: not mentioning(env_dir)), mentioning(env_dir))

    def test_refusals_leave_nothing(self):
        script = 'mkdir "$1" && cd "$1" && rmdir "$1" && exec "$0" -c pass'
        done = run("sh", "-c", script, self.project.bin(), self.project.path / "gone")
        self.assert_refused(done, saying="working directory")
        self.assert_nothing_left()


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    null = os.open('/dev/null', os.O_RDWR)
    for fd in (0, 1, 2): os.dup2(null, fd)
    end = time.time() + 300
    while time.time() < end:
        open(sys.argv[1], 'w').close(); time.sleep(0.02)
        if os.path.exists(sys.argv[1] + '.stop'): break
    os._exit(0)
"""


class Lifetime(Case):
    def beats(self, beat, seconds=SECONDS):
        beat.unlink(missing_ok=True)
        return bool(wait_for(beat.exists, seconds))

    def test_tree(self):
        project = self.wrapped(policy="lifetime: tree\n")
        beat = project.path / "beat"
        self.assert_clean(project.code(DAEMON, beat))
        self.assertTrue(self.beats(beat))
        time.sleep(0.5)
        self.assertTrue(self.beats(beat))
        self.assert_clean(project.code("print('another start meanwhile')"))
        (project.path / "beat.stop").write_text("")
        self.assertTrue(wait_for(lambda: not self.beats(beat, 1.0)))

    def test_program(self):
        project = self.wrapped(policy="lifetime: program\n")
        beat = project.path / "beat"
        self.assert_clean(project.code(DAEMON, beat))
        self.assertFalse(self.beats(beat, 1.0))

    def test_children_that_hold_the_pipe(self):
        """As natively: a reader to the end waits for every writer."""
        project = self.wrapped(policy="lifetime: tree\n")
        done = project.code(
            "import os, time\nif os.fork() == 0:\n    time.sleep(0.7)\n"
            "    os.write(1, b'child')\n    os._exit(0)\n"
            "os.write(1, b'parent ')"
        )
        self.assertEqual((done.returncode, done.stdout), (0, "parent child"))
