"""The network of a program."""

import socket
import subprocess
import textwrap

from lib.programs import SECONDS, tool
from lib.view import View
from lib.web import Server

FETCH = (
    "import sys, urllib.request\n"
    "try: print(urllib.request.urlopen('http://127.0.0.1:' + sys.argv[1])"
    ".read().decode())\n"
    "except OSError as e: print('refused')\n"
)


class Network(View):
    def test_host(self):
        project = self.wrapped(policy="network: {mode: host}\n")
        with Server() as port:
            self.assertEqual(project.code(FETCH, str(port)).stdout, "host\n")

    def test_server_inside_is_reachable(self):
        project = self.wrapped(policy="network: {mode: host}\n")
        process = project.spawn(
            "python",
            "-u",
            "-c",
            "import http.server\n"
            "s = http.server.HTTPServer(('127.0.0.1', 0),"
            " http.server.SimpleHTTPRequestHandler)\n"
            "print(s.server_port, flush=True); s.handle_request()\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            port = int(process.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                self.assertIn(b"200 OK", client.recv(1000))
            self.assertEqual(process.wait(SECONDS), 0)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def test_none(self):
        project = self.wrapped(policy="network: {mode: none}\n")
        with Server() as port:
            self.assertEqual(project.code(FETCH, str(port)).stdout, "refused\n")
        code = textwrap.dedent("""
            import socket, json
            server = socket.create_server(('127.0.0.1', 0))
            client = socket.create_connection(server.getsockname()); peer, _ = server.accept()
            client.sendall(b'own loopback'); names = [n for _, n in socket.if_nameindex()]
            six = socket.has_ipv6 and socket.create_server(('::1', 0), family=socket.AF_INET6)
            print(json.dumps([peer.recv(100).decode(), names]))
            """)
        self.assertEqual(project.value(code), ["own loopback", ["lo"]])

    def test_wrapped_without_network(self):
        project = self.wrapped("--", "--unshare-net")
        with Server() as port:
            self.assertEqual(project.code(FETCH, str(port)).stdout, "refused\n")

    def test_a_profile_for_one_start(self):
        project = self.wrapped()
        with Server() as port:
            for profile, seen in (("default", "host\n"), ("strict", "refused\n")):
                done = tool(
                    "run",
                    project.env_dir,
                    "--policy",
                    profile,
                    "--",
                    "python",
                    "-c",
                    FETCH,
                    str(port),
                    cwd=project.path,
                )
                self.assertEqual(done.stdout, seen, profile)
            self.assertEqual(project.code(FETCH, str(port)).stdout, "host\n")

    def test_broker_is_refused_by_name(self):
        project = self.wrapped(policy="network: {mode: broker}\n")
        done = project.code("pass")
        self.assertEqual(done.returncode, 125)
        self.assertIn("broker", done.stderr)
