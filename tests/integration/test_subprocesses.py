"""Programs that start others."""

import subprocess
import textwrap

from lib import venvs
from lib.pair import Compared
from lib.programs import SECONDS, tool

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
    print(queue.get(), ours.recv() == sys.executable); w.join()
    with mp.Manager() as manager:
        d = manager.dict(); d['x'] = 1; print(dict(d), manager.list([1, 2])[1])
    event = mp.Event(); event.set(); print(event.wait(1), mp.Semaphore(2).acquire())
"""


class Subprocesses(Compared):
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
        code = (
            "import subprocess, sys\n"
            "p = subprocess.run([sys.executable, '-c', 'import sys; print(sys.prefix);"
            " sys.exit(3)'], stdout=-1, text=True)\n"
            "print(p.stdout, p.returncode)\n"
            "print(subprocess.run(['sh', '-c', 'kill -9 $$']).returncode)\n"
            "print(subprocess.check_output(['uname', '-s']))\n"
        )
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
            def state(pid):
                try:
                    with open(f'/proc/{pid}/stat') as file:
                        return file.read().rpartition(')')[2].split()[0]
                except (FileNotFoundError, ProcessLookupError):
                    return 'gone'
            def zombies():
                return 'Z' in [state(pid) for pid in os.listdir('/proc') if pid.isdigit()]
            while zombies(): time.sleep(0.01)
            print('none')
            """)
        self.assertEqual(self.project.code(code).stdout, "none\n")

    def test_a_second_wrapped_venv_of_the_project(self):
        inner = self.project.path / "other env"
        venvs.make(inner)
        tool("wrap", inner, check=True)
        self.addCleanup(tool, "unwrap", inner, "--purge")
        done = self.project.code(
            "import subprocess, sys; print(subprocess.run([sys.argv[1], '-c',"
            " 'print(1)'], stdout=-1, stderr=-1, text=True))",
            inner / "bin/python",
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"returncode=(0|126|127)")

    def test_a_venv_made_inside(self):
        done = self.project.code(
            "import subprocess, sys\n"
            "subprocess.check_call([sys.executable, '-m', 'venv', '--without-pip', 'made'])\n"
            "print(subprocess.check_output(['made/bin/python', '-c', 'import sys;"
            " print(sys.prefix)'], text=True))\n"
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"\Asandbox-venv: a virtualenv appeared .*'made'.*\n\Z")
        self.assertEqual(done.stdout.strip(), str(self.project.path / "made"))

    def test_own_stub_inside(self):
        """The same venv called again from inside stays in the sandbox."""
        done = self.project.code(
            "import subprocess, sys; print(subprocess.check_output("
            "['.venv/bin/python', '-c', 'import os; print(os.getpid())']))"
        )
        self.assert_clean(done)

    def test_sixteen_at_once(self):
        processes = [
            self.popen(
                self.project,
                "python",
                "-c",
                f"import time; time.sleep(0.2); print({n})",
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for n in range(16)
        ]
        for n, process in enumerate(processes):
            out, err = process.communicate(timeout=SECONDS)
            self.assertEqual((process.returncode, out, err), (0, f"{n}\n", ""))

    def test_first_starts_at_once(self):
        """Sixteen starts that all find that the plan has to be made."""
        (self.project.env_dir / "sandbox" / "plan").unlink()
        self.test_sixteen_at_once()
