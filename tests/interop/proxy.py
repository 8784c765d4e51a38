"""A TCP proxy whose connections can go silent: what a peer leaves behind when its machine dies."""

import select
import socket
import threading


class Proxy:
    """Forwards connections to a port of 127.0.0.1 until blackhole(), which forwards nothing any
    more on those there are but keeps both ends open, so that neither side learns of it."""

    def __init__(self, port):
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._wake, self._waker = socket.socketpair()
        self._other = {}
        self._silent = set()
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def blackhole(self):
        with self._lock:
            self._silent.update(self._other)
        self._waker.send(b".")

    def close(self):
        self._closing = True
        self._waker.send(b".")
        self._thread.join()

    def _run(self):
        while not self._closing:
            with self._lock:
                watched = [self._listener, self._wake, *(each for each in self._other if each not in self._silent)]
            for ready in select.select(watched, [], [])[0]:
                if ready is self._wake:
                    self._wake.recv(64)
                elif ready is self._listener:
                    self._accept()
                else:
                    self._forward(ready)
        for each in [self._listener, self._wake, self._waker, *self._other]:
            each.close()

    def _accept(self):
        near = self._listener.accept()[0]
        far = socket.create_connection(self._target)
        with self._lock:
            self._other.update({near: far, far: near})

    def _forward(self, source):
        with self._lock:
            if source in self._silent or source not in self._other:
                return
            sink = self._other[source]
        try:
            data = source.recv(65536)
            if data:
                sink.sendall(data)
                return
        except OSError:
            pass
        with self._lock:
            for each in (source, sink):
                self._other.pop(each, None)
                each.close()
