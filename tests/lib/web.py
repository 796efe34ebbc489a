"""A web server of the host's."""

import http.server
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers everything with one line."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"host")

    def log_message(self, *_):
        pass


class Server:
    """Answers "host" on a free port of localhost, which is its value in a `with`."""

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self.server.server_address[1]

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
