"""Connections that were negotiated and then carry nothing: what they cost in memory.

`allow_files` comes first; `idle` opens connections as a mail server does whose clients have gone quiet, and holds them.
Given a `Bench`, `table` compares filters by resident memory with none and with thousands of them.
"""

import contextlib
import resource
import socket
import struct

import harness
from harness import Failure
from parts import scale_daemon

IDLE = 2000

# Offered as Postfix does, all of it: version 6, every action, every option (mfdef.h).
OFFER = b"O" + struct.pack("!III", 6, 0x1FF, 0x1FFFFF)


def allow_files(number):
    """Lets this process, and filters that it starts from now on, hold `number` connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number + 200:
        raise Failure(f"{number} connections need a limit of open files of {number + 200}, not {hard}: ulimit -Hn")
    if soft < number + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number + 200, hard))


@contextlib.contextmanager
def idle(server, number):
    """Holds `number` negotiated connections to a filter."""
    with contextlib.ExitStack() as held:
        for _ in range(number):
            held.enter_context(_negotiated(server))
        yield


def _negotiated(server):
    family, where = harness.unix_or_tcp(server.address)
    connection = socket.socket(family)
    connection.settimeout(20)
    try:
        connection.connect(where)
        connection.sendall(struct.pack("!I", len(OFFER)) + OFFER)
        (length,) = struct.unpack("!I", _read(connection, 4))
        answer = _read(connection, length)
    except OSError as broken:
        connection.close()
        raise Failure(f"{server.name} took no further idle connection: {broken}") from None
    if answer[:1] != b"O":
        connection.close()
        raise Failure(f"{server.name} answered a negotiation with {answer[:1]!r}")
    return connection


def _read(connection, length):
    read = b""
    while len(read) < length:
        some = connection.recv(length - len(read))
        if not some:
            raise OSError("the filter closed it")
        read += some
    return read


def table(bench):
    """Memory per idle connection, filter by filter."""
    number = 200 if bench.quick else IDLE
    allow_files(number)
    runs = {}
    for _ in range(bench.rounds):
        for name, started in _filters(bench, number):
            with started() as server:
                # One connection first: what a filter sets up once is no cost of the next.
                with idle(server, 1):
                    before = server.rss()
                    with idle(server, number):
                        after = server.rss()
                each = (after - before) / number / 1024
                runs.setdefault(name, []).append({"before": before / 2**20, "after": after / 2**20, "each": each})
            bench.say(f"scale: {name}, {number} idle connections: {each:.1f} KiB each")
    return harness.median_table(
        "Memory of idle milter connections",
        runs,
        {"RSS before, MiB": "before", f"RSS with {number}, MiB": "after", "KiB a connection": "each"},
        notes=[
            "Each was negotiated and then carried nothing. Resident memory as the kernel counts it (VmRSS), without the "
            "kernel's own buffers, which are the same for all.",
            "Debian builds libmilter with a pool of threads that idle connections do not occupy, so none has a stack.",
        ],
    )


def _filters(bench, number):
    folder = bench.folder
    yield "leadmilter", lambda: scale_daemon.daemon(bench, "leadmilter", max_connections=number + 100)
    for name in ("noop_lean", "noop_indymilter"):
        yield name, lambda name=name: _noop(bench, name, folder(name))


def _noop(bench, name, folder):
    address = f"unix:{folder}/sock"
    return harness.start(bench, name, [bench.tools / name, address], address, folder=folder)
