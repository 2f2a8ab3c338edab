"""Clients and a server for the testbed.

serve                          TCP and UDP: says who is seen, then gives back what comes
ask      HOST COUNT FROM...    COUNT connections, the clients in turn
datagrams HOST COUNT FROM...   the same with UDP, each asked once
streams  HOST COUNT FROM...    COUNT connections that speak every 20 ms until told to end
rain     HOST RATE FROM...     datagrams until told to end: what is lost is an error
spray    NET COUNT FROM...     one datagram from each to so many hosts of a net, unanswered
fill     COUNT                 connections in the kernel's table, with 256 marks
"""
import collections, json, os, select, socket, struct, sys, threading, time

PORT = int(os.environ.get("PORT", "7000"))
FREEBIND = 15


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def plain(host):
    return host[7:] if host.startswith("::ffff:") else host


def client(host, source, kind=socket.SOCK_STREAM):
    s = socket.socket(family(host), kind)
    s.settimeout(3)
    if source != "-":
        s.setsockopt(socket.SOL_IP, FREEBIND, 1)
        s.bind((source, 0))
    s.connect((host, PORT))
    return s


def ready():
    print("ready", flush=True)


def result(seen, errors, tried, by_client=None):
    print(json.dumps({"seen": seen, "errors": errors, "tried": tried,
                      "by_client": by_client or {}}), flush=True)


def ended():
    return bool(select.select([sys.stdin], [], [], 0)[0])


def serve():
    def talk(s, who):
        try:
            s.sendall((plain(who[0]) + "\n").encode())
            while data := s.recv(65536):
                s.sendall(data)
        except OSError:
            pass
        s.close()

    def accept(listener):
        while True:
            threading.Thread(target=talk, args=listener.accept(), daemon=True).start()

    def reply(s):
        while True:
            data, who = s.recvfrom(65536)
            s.sendto(plain(who[0]).encode() + b" " + data, who)

    tcp = socket.socket(socket.AF_INET6)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind(("::", PORT))
    tcp.listen(1024)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    udp.bind(("::", PORT))
    for work, s in ((accept, tcp), (reply, udp)):
        threading.Thread(target=work, args=(s,), daemon=True).start()
    ready()
    sys.stdin.readline()
    result({}, 0, 0)


def ask(host, count, *sources, kind=socket.SOCK_STREAM):
    seen, errors, by = collections.Counter(), 0, collections.defaultdict(list)
    ready()
    for i in range(int(count)):
        source = sources[i % len(sources)]
        try:
            s = client(host, source, kind)
            if kind == socket.SOCK_DGRAM:
                s.send(b"x")
            who = s.recv(100).split()[0].decode()
            seen[who] += 1
            by[source].append(who)
            s.close()
        except (OSError, IndexError):
            errors += 1
    result(seen, errors, int(count), by)


def streams(host, count, *sources):
    seen, errors, open_ = collections.Counter(), 0, []
    by = collections.defaultdict(list)
    for i in range(int(count)):
        try:
            s = client(host, sources[i % len(sources)])
            who = s.recv(100).split()[0].decode()
            seen[who] += 1
            by[sources[i % len(sources)]].append(who)
            open_.append(s)
        except (OSError, IndexError):
            errors += 1
    ready()
    while not ended():
        for s in list(open_):
            try:
                s.sendall(b"tick")
                if len(s.recv(4)) == 0:
                    raise OSError
            except OSError:
                errors += 1
                open_.remove(s)
        time.sleep(0.02)
    result(seen, errors, int(count), by)


def rain(host, rate, *sources):
    seen, sockets = collections.Counter(), [client(host, s, socket.SOCK_DGRAM) for s in sources]
    waiting, sent, pause = {}, 0, 1.0 / float(rate)

    def gather(wait):
        for s in select.select(sockets, [], [], wait)[0]:
            try:
                who, number = s.recv(100).split()
            except (OSError, ValueError):
                continue
            seen[who.decode()] += 1
            waiting.pop(int(number), None)

    ready()
    next_ = time.monotonic()
    while not ended():
        try:
            sockets[sent % len(sockets)].send(b"%d" % sent)
        except OSError:
            pass
        waiting[sent] = 1
        sent += 1
        next_ += pause
        while (left := next_ - time.monotonic()) > 0:
            gather(left)
        gather(0)
    end = time.monotonic() + 2
    while waiting and time.monotonic() < end:
        gather(0.1)
    result(seen, len(waiting), sent)


def spray(net, count, *sources):
    ready()
    for source in sources:
        s = socket.socket(family(net), socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_IP, FREEBIND, 1)
        s.bind((source, 0))
        for host in range(int(count)):
            s.sendto(b"x", (net + str(host), PORT))
            time.sleep(0.0002)
    result({}, 0, int(count) * len(sources))


def fill(count):
    def attribute(kind, value):
        length = 4 + len(value)
        return struct.pack("=HH", length, kind) + value + bytes(-length % 4)

    def pair(kind, source, to, sport, dport):
        ip = attribute(1 | 0x8000, attribute(1, source) + attribute(2, to))
        ports = attribute(2, struct.pack(">H", sport)) + attribute(3, struct.pack(">H", dport))
        return attribute(kind | 0x8000, ip + attribute(2 | 0x8000, attribute(1, b"\6") + ports))

    ready()
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    s.bind((0, 0))
    errors = 0
    established = attribute(4 | 0x8000, attribute(1 | 0x8000, attribute(1, b"\3")))
    for i in range(int(count)):
        a, b = struct.pack(">I", 0x0A400402 + i // 60000), struct.pack(">I", 0xCB007105 + i % 7)
        port = 1024 + i % 60000
        body = struct.pack("BBH", 2, 0, 0) + pair(1, a, b, port, 443) + pair(2, b, a, 443, port)
        for kind, value in ((3, 0xE), (7, 7440), (8, 1 + i % 256)):
            body += attribute(kind, struct.pack(">I", value))
        body += established
        s.send(struct.pack("=IHHII", 16 + len(body), 1 << 8, 0x605, i, 0) + body)
        errors += struct.unpack_from("=i", s.recv(4096), 16)[0] != 0
    result({}, errors, int(count))


if __name__ == "__main__":
    name, *args = sys.argv[1:]
    if name == "datagrams":
        ask(*args, kind=socket.SOCK_DGRAM)
    else:
        globals()[name](*args)
