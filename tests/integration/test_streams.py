"""Standard streams, pipelines, and other descriptors that a program inherits."""

import hashlib
import os
import signal
import socket
import subprocess
import tempfile
import textwrap
import threading

from lib.pair import Compared
from lib.programs import SECONDS, run


class Streams(Compared):
    def test_a_hundred_megabytes(self):
        size = 100 * 1024 * 1024
        block = os.urandom(1024 * 1024)
        process = self.popen(
            self.project,
            "python",
            "-c",
            "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer, 1 << 16)",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

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
        self.assertEqual(process.wait(SECONDS), 0)
        self.assertEqual(got.hexdigest(), sent.hexdigest())

    def test_reader_that_leaves(self):
        script = (
            ".venv/bin/python -c '\nimport signal, sys\n"
            "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
            'while True: print("y")\' | head -1; echo ${PIPESTATUS[@]}'
        )
        self.assertEqual(
            self.same(lambda one: run("bash", "-c", script, cwd=one.path).stdout), "y\n141 0\n"
        )

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
            return one.code(
                code,
                preexec_fn=lambda: signal.pthread_sigmask(
                    signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGTERM]
                ),
            ).stdout

        self.assertEqual(self.same(ask), "[12, 15]\n")

    def test_pipelines(self):
        script = (
            "seq 1 1000 | .venv/bin/python -c 'import sys; "
            "print(sum(map(int, sys.stdin)))' | .venv/bin/python -c 'print(input())' | cat"
        )
        self.assertEqual(
            self.same(lambda one: run("bash", "-c", script, cwd=one.path).stdout), "500500\n"
        )

    def test_end_of_the_pipe_follows_the_program(self):
        """No process of ours keeps the program's stdout open after it closed it."""
        process = self.popen(
            self.project,
            "python",
            "-c",
            "import os, time; os.close(1); time.sleep(600)",
            stdout=subprocess.PIPE,
        )
        self.assertEqual(process.stdout.read(), b"")
        self.assertIsNone(process.poll())
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
                    done = run(
                        "bash",
                        "-c",
                        f'exec "$0" -c "$1" answer {redirect}',
                        one.bin(),
                        code,
                        cwd=one.path,
                    )
                    return done.returncode, answer.read_text()

                self.same(ask)

    def test_no_word_of_ours(self):
        for words in (["-c", "pass"], ["-V"], ["-m", "this"], ["-c", "import os; os._exit(3)"]):
            done = self.project.python(*words)
            self.assertEqual(done.stderr, "")


class Descriptors(Compared):
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
        return {
            int(fd): kind
            for fd, kind in one.value(self.CODE, *map(str, fds), pass_fds=fds, **options).items()
        }

    def test_pipes_and_files_pass(self):
        reader, writer = os.pipe()
        path = self.project.write("inherited", "text")
        file = os.open(path, os.O_RDONLY)
        for fd in (reader, writer, file):
            self.addCleanup(os.close, fd)
        seen = self.same(lambda one: self.ask(one, reader, writer, file))
        self.assertNotIn(0, seen.values())
        with tempfile.TemporaryFile() as outside:
            self.assertNotIn(0, self.ask(self.project, outside.fileno()).values())

    def test_a_pipe_carries(self):
        reader, writer = os.pipe()
        done = self.project.code(
            "import os, sys; os.write(int(sys.argv[1]), b'through')",
            str(writer),
            pass_fds=(writer,),
        )
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
        code = (
            "import os, socket\n"
            "assert os.environ['LISTEN_PID'] == str(os.getpid()), os.environ['LISTEN_PID']\n"
            "s = socket.socket(fileno=3); c, _ = s.accept(); c.sendall(b'hello'); c.close()\n"
        )
        script = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" -c "$1" 3<&' + str(server.fileno())
        process = self.popen(
            self.project,
            "/bin/bash",
            "-c",
            script,
            self.project.bin(),
            code,
            pass_fds=(server.fileno(),),
            stderr=subprocess.PIPE,
            text=True,
        )
        with socket.create_connection(server.getsockname(), timeout=SECONDS) as client:
            self.assertEqual(client.recv(100), b"hello")
        self.assertEqual((process.wait(SECONDS), process.stderr.read()), (0, ""))
