"""A web site of the run's own, from which programs on libevent fetch and to which they post."""
from __future__ import annotations

import hashlib
import http.server


class Site(http.server.ThreadingHTTPServer):
    """Files by name; what is posted comes back as its checksum."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.files = files


class Exchange(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(self.server.files.get(self.path))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(hashlib.sha256(body).hexdigest().encode())

    def answer(self, body: bytes | None) -> None:
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        pass
