"""Ports that are listened on again after a restart. Those that the system gives (port 0) it also gives to
outgoing connections, of a test beside this one, say, as soon as the listener is gone."""

import random
import socket

FIRST = 16384
HOST = "127.0.0.1"
_reserved = []  # Kept till this process ends.


def first_ephemeral():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        return int(file.read().split()[0])


def is_free(port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()
        except OSError:
            return False
    return True


def reserve():
    """A TCP port that no outgoing connection is given, and no other test that asks here: each holds the
    UDP port of the same number."""
    last = first_ephemeral()
    if last - FIRST < 1000:
        return 0  # This system keeps none back.
    for _ in range(1000):
        port = random.randrange(FIRST, last)
        token = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            token.bind((HOST, port))
        except OSError:
            token.close()
            continue
        if is_free(port):
            _reserved.append(token)
            return port
        token.close()
    raise OSError(f"no free port from {FIRST} to {last}")
