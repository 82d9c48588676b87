"""The inference side of the container contract: GET /ping, POST /invocations, GET /execution-parameters."""

import json
import os
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .container import Container, log
from .formats import WRITERS, RequestFault, choose_format, read_rows, write_batch
from .model import Model

#: SageMaker's limits of a body, in bytes: of InvokeEndpoint, and of batch transform (MaxPayloadInMB up to 100).
REAL_TIME_LIMIT = 6_291_456
BATCH_LIMIT = 100 * 1024 * 1024
#: How long after SIGTERM open connections may stay silent, in seconds, before they are closed.
QUIET_S = 0.5
ROUTES = {"/ping": "GET", "/invocations": "POST", "/execution-parameters": "GET"}


def start_server(container: Container) -> "Server":
    """Loads the model, then listens. Raises UserFault when there is no usable model."""
    server = Server(container, Model(container))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    log(f"Serving model {server.model.id} on {container.host}:{server.server_port}")
    return server


class Server(ThreadingHTTPServer):
    """One thread a connection, and a count of both connections and requests for the leave-taking."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, container: Container, model: Model):
        self.container = container
        self.model = model
        self.draining = False
        self._count = threading.Lock()
        self._connections = 0
        self._active = 0
        self._last_active = time.monotonic()
        super().__init__((container.host, container.port), Handler)

    def count(self, connections: int = 0, requests: int = 0) -> None:
        """Counts connections and requests in (1) and out (-1)."""
        with self._count:
            self._connections += connections
            self._active += requests
            self._last_active = time.monotonic()

    def drain(self) -> None:
        """Takes leave without losing a request.

        Every answer from now on closes its connection, idle connections may still bring a request until they were
        silent for a moment, and what has begun is finished. The platform's SIGKILL (30 s after SIGTERM on SageMaker)
        bounds it.
        """
        self.draining = True
        self.count()
        while self._connections > 0 and (self._active > 0 or time.monotonic() - self._last_active < QUIET_S):
            time.sleep(0.02)
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    # Head and body go out in two writes: without this the second would wait for the client's acknowledgement.
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        """A connection begins."""
        super().setup()
        self.server.count(connections=1)

    def finish(self) -> None:
        """A connection ends."""
        self.server.count(connections=-1)
        super().finish()

    def do_GET(self) -> None:
        """GET of any path."""
        self._answer()

    def do_POST(self) -> None:
        """POST to any path."""
        self._answer()

    def log_message(self, format: str, *args) -> None:
        """Requests are not logged: an endpoint's log would be mostly pings."""

    def _answer(self) -> None:
        self.server.count(requests=1)
        try:
            body = self._read_body()
            self._route(body)
        except RequestFault as fault:
            self._fail(fault.status, str(fault))
        except ConnectionError:
            # The client left: nobody to answer.
            self.close_connection = True
        except Exception as error:
            traceback.print_exc()
            self._fail(500, f"{type(error).__name__}: {error}")
        finally:
            self.server.count(requests=-1)

    def _route(self, body: bytes) -> None:
        path = self.path.split("?")[0]
        if ROUTES.get(path) != self.command:
            known = ", ".join(f"{method} {route}" for route, method in ROUTES.items())
            raise RequestFault(405 if path in ROUTES else 404, f"{self.command} {path} is not here: {known}")
        if path == "/ping":
            return self._send(200, "application/json", "\n")
        if path == "/execution-parameters":
            parameters = {
                "MaxConcurrentTransforms": os.cpu_count() or 1,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": REAL_TIME_LIMIT // 1024**2,
            }
            return self._send(200, "application/json", json.dumps(parameters))
        return self._invoke(body)

    def _invoke(self, body: bytes) -> None:
        container, model = self.server.container, self.server.model
        # Lets a caller see which model answered: SageMaker passes this header of a container on to the client.
        named = {"X-Amzn-SageMaker-Custom-Attributes": f"model={model.id}"}
        if not body.strip():
            return self._send(204, headers=named)
        rows = read_rows(self.headers.get("Content-Type"), body, model.features)
        kind = choose_format(self.headers.get("Accept"), container.default_accept)
        predictions = model.predict(rows)
        text = write_batch(predictions) if container.batch else WRITERS[kind](predictions)
        return self._send(200, kind, text, named)

    def _read_body(self) -> bytes:
        limit = BATCH_LIMIT if self.server.container.batch else REAL_TIME_LIMIT
        kept, size = [], 0
        for chunk in self._chunks():
            size += len(chunk)
            # Read to the end without keeping it: a client that still sends would not see the answer.
            if size <= limit:
                kept.append(chunk)
        if size > limit:
            raise RequestFault(413, f"The body has {size} bytes, at most {limit} are taken: send fewer rows")
        return b"".join(kept)

    def _chunks(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while (size := int(self.rfile.readline().split(b";")[0], 16)) > 0:
                yield self._exactly(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                continue
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            chunk = self._exactly(min(left, 65_536))
            left -= len(chunk)
            yield chunk

    def _exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionError("the client went away before its body was complete")
        return data

    def _fail(self, status: int, message: str) -> None:
        self._send(status, "application/json", json.dumps({"error": message}))

    def _send(self, status: int, kind: str | None = None, text: str = "", headers: dict | None = None) -> None:
        data = text.encode("utf-8")
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if kind is not None:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        if self.server.draining:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
