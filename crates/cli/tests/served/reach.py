"""Asks a place on the internet where the question seems to come from, and prints the answer.

    reach.py tcp|udp HOST PORT [PORT OF A SOCKS PROXY ON THIS MACHINE]
"""

import socket
import struct
import sys


def read(stream, count):
    """Exactly that many bytes."""
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise OSError("hung up")
        data += more
    return data


def through(proxy, host, port):
    """A connection through a proxy that speaks SOCKS 5 (RFC 1928)."""
    stream = socket.create_connection(("127.0.0.1", proxy), 5)
    stream.settimeout(5)
    stream.sendall(b"\x05\x01\x00")
    if read(stream, 2) != b"\x05\x00":
        raise OSError("refused")
    stream.sendall(b"\x05\x01\x00\x01" + socket.inet_aton(host) + struct.pack("!H", port))
    if read(stream, 10)[1] != 0:
        raise OSError("not connected")
    return stream


def main(protocol, host, port, proxy=None):
    """Answers nothing when there is no answer."""
    try:
        if protocol == "udp":
            stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            stream.connect((host, int(port)))
        elif proxy:
            stream = through(int(proxy), host, int(port))
        else:
            stream = socket.create_connection((host, int(port)), 5)
        stream.settimeout(5)
        stream.sendall(b"whence?\n")
        print(stream.recv(64).decode().strip())
    except OSError:
        pass


main(*sys.argv[1:])
