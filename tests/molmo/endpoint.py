"""A chat endpoint that misbehaves on request: a real HTTP server on a free port."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Endpoint:
    """Answers request number n (from 1) by ``script(n, body)``: (status, headers, JSON or text), or seconds to hang."""

    def __init__(self, script):
        self.script = script
        self.bodies = []
        self.headers = []
        self.times = []
        self.busy = self.busiest = 0
        self.lock = threading.Lock()


def completion(text='{"supplier":"A"}', finish="stop"):
    return 200, {}, {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 430, "completion_tokens": 9},
    }


@contextmanager
def serving(script, port=0):
    endpoint = Endpoint(script)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with endpoint.lock:
                endpoint.bodies.append(body)
                endpoint.headers.append(dict(self.headers))
                endpoint.times.append(time.monotonic())
                endpoint.busy += 1
                endpoint.busiest = max(endpoint.busiest, endpoint.busy)
                number = len(endpoint.bodies)
            said = endpoint.script(number, body)
            with endpoint.lock:
                endpoint.busy -= 1
            if said is None:  # dies: the connection closes without an answer
                self.close_connection = True
                return
            status, headers, content = said
            data = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    endpoint.port = server.server_address[1]
    endpoint.url = f"http://127.0.0.1:{endpoint.port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
