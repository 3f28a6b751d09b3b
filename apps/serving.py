"""A small static server for exported layers: what a browser needs and plain servers lack.

It answers byte ranges (sharded files), gives ``name.gz`` as ``name`` with its encoding, and lets
pages from other places read (CORS). It has no access control: keep it on 127.0.0.1, or behind a
server that has.
"""

import json
import mimetypes
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pmap import InputError

STATE = "neuroglancer.json"


def serve(folder: Path, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve a folder until interrupted. LOCAL."""
    server = make_server(folder, host, port)
    url = f"http://{host}:{server.server_port}"
    print(f"serving {folder} at {url}; viewer state: {url}/{STATE}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def make_server(folder: Path, host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    """Server of a folder; port 0 takes a free one (``server_port``)."""
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} to serve")
    handler = type("Handler", (_Handler,), {"root": folder})
    try:
        server = ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        raise InputError(f"cannot serve on {host}:{port}: {error.strerror}") from None
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for files below `root`."""

    root: Path
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802
        self._answer(body=True)

    def do_HEAD(self) -> None:  # noqa: N802
        self._answer(body=False)

    def do_OPTIONS(self) -> None:  # noqa: N802
        self._send(HTTPStatus.NO_CONTENT, b"", {}, body=False)

    def log_message(self, *_: object) -> None:
        """Stay silent: a viewer asks for thousands of chunks."""

    def _answer(self, body: bool) -> None:
        found = self._file()
        if found is None:
            self._send(HTTPStatus.NOT_FOUND, b"not found\n", {}, body)
            return
        path, encoding = found
        if path.name == STATE:
            host = self.headers.get("Host", "127.0.0.1")
            data = here(path.read_text(encoding="utf-8"), f"http://{host}").encode()
        else:
            data = None
        headers = {"Content-Type": _type_of(path), **encoding}
        self._send_range(path, data, headers, body)

    def _file(self) -> tuple[Path, dict[str, str]] | None:
        """File that is asked for, below the root and nowhere else."""
        asked = (self.root / unquote(urlsplit(self.path).path).lstrip("/")).resolve()
        if not asked.is_relative_to(self.root):
            return None
        if asked.is_file():
            return asked, {}
        packed = asked.with_name(asked.name + ".gz")
        return (packed, {"Content-Encoding": "gzip"}) if packed.is_file() else None

    def _send_range(self, path: Path, data: bytes | None, headers: dict, body: bool) -> None:
        """Send the whole file or the range of bytes that was asked for."""
        size = path.stat().st_size if data is None else len(data)
        headers["Accept-Ranges"] = "bytes"
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        start, stop, status = 0, size, HTTPStatus.OK
        if wanted and any(wanted.groups()):
            first, last = wanted.groups()
            start = int(first) if first else max(size - int(last), 0)
            stop = min(int(last) + 1, size) if first and last else size
            status = HTTPStatus.PARTIAL_CONTENT
            if start >= stop:
                headers["Content-Range"] = f"bytes */{size}"
                self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", headers, body)
                return
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        if data is None:
            with path.open("rb") as f:
                f.seek(start)
                part = f.read(stop - start)
        else:
            part = data[start:stop]
        self._send(status, part, headers, body)

    def _send(self, status: HTTPStatus, data: bytes, headers: dict, body: bool) -> None:
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "Range")
        self.send_header("Access-Control-Expose-Headers", "Content-Range, Content-Encoding")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)


def here(state: str, url: str) -> str:
    """Viewer state with its layers at `url`, wherever it was made for.

    Examples
    --------
    >>> here('{"layers": [{"source": "precomputed://http://other:1/dapi"}]}', "http://me:2")
    '{"layers": [{"source": "precomputed://http://me:2/dapi"}]}'
    """
    parsed = json.loads(state)
    for layer in parsed.get("layers", []):
        layer["source"] = f"precomputed://{url}/{layer['source'].rsplit('/', 1)[-1]}"
    return json.dumps(parsed)


def _type_of(path: Path) -> str:
    if path.name in ("info", STATE):
        return "application/json"
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
