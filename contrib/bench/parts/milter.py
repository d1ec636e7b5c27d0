"""Part `milter`: the filter alone, loaded as Postfix would load it, beside other filters.

Given a `Bench`, gives back tables over UNIX sockets with many messages a connection, with one message a connection, over
TCP with one session, and the latency that one message waits for. Every tracked message must get its headers and must be
in the store afterwards: a run that skips work fails.
"""

import os
import statistics
import time

import harness
from parts.milter_opponents import OPPONENTS, SLOW, TCP_ONLY

CONNECTIONS = (16, 64, 256)
SLOW_AT = 64
HEADERS = 8  # that a tracked message gets at least
TRACKED, UNTRACKED = "leadmilter, tracked", "leadmilter, untracked"
RATES = {"messages/s": "rate", "CPU µs a message": "cpu_us", "p50 ms": "p50", "p99 ms": "p99"}
AGAINST = (
    "noop_usual",
    "noop_lean",
    ("noop_lean", "cpu_us", "CPU × noop_lean"),
    ("noop_lean", "p99", "p99 × noop_lean"),
)
CPU = "CPU is user and system time of the filter's processes, all threads."
LATENCY = "p50 and p99 are of a whole message, from MAIL to the filter's last answer."
OPENDKIM = "opendkim verifies a well-formed, false signature with a key from a file: no name is looked up."


def run(bench):
    """All tables of this part."""
    return [*(many_messages(bench, number) for number in CONNECTIONS), one_message(bench), tcp(bench), added(bench)]


def many_messages(bench, connections):
    """UNIX socket, each connection with one message after another."""
    slow = SLOW if connections == SLOW_AT else {}
    runs = _rounds(bench, f"{connections} connections", {**OPPONENTS, **slow}, connections=connections)
    notes = [CPU, LATENCY, "floor_epoll does not see the message; with headers, it reads what leadmilter reads.",
             "Untracked messages are accepted at DATA, so their header is never sent.", _by_thread(runs[TRACKED])]
    return harness.median_table(
        f"UNIX socket, {connections} connections, many messages each", runs, RATES, AGAINST, notes + [OPENDKIM] * bool(slow)
    )


def one_message(bench):
    """UNIX socket, a new connection for each message, as Postfix makes for most of its clients."""
    options = {"connections": SLOW_AT, "messages_per_connection": 1}
    runs = _rounds(bench, "one message a connection", OPPONENTS, **options)
    columns = {**RATES, "waited for a backlog": "backlog_full"}
    notes = [CPU, "p50 and p99 hold connecting and negotiating, too.",
             "A connection that finds the backlog full waits in connect(2), as Postfix does; that is counted."]
    return harness.median_table(f"UNIX socket, {SLOW_AT} connections, one message each", runs, columns, AGAINST, notes)


def tcp(bench):
    """TCP on loopback, one session with one message after another: stalls of the transport show here."""
    runs = _rounds(bench, "TCP, one session", {**OPPONENTS, **TCP_ONLY}, tcp=True, connections=1)
    columns = {"ms a message": "each_ms", "CPU µs a message": "cpu_us", "p50 ms": "p50", "p99 ms": "p99"}
    notes = [CPU, "40 ms and its multiples are Nagle's algorithm on one side waiting for the other's delayed acknowledgement.",
             "Postfix writes twice without an answer between where a filter does not answer DATA: then its own writes wait."]
    return harness.median_table("TCP, one session", runs, columns, AGAINST[:2], notes, ratio_of="each_ms")


def added(bench):
    """What one message waits for, beside what the disk itself takes."""
    names = {name: OPPONENTS[name] for name in ("noop_lean", "fsync_line")}
    runs = {}
    for number in range(bench.rounds):
        sync = _bare_sync(bench)
        runs.setdefault("fdatasync of 4 KiB", []).append(sync)
        for name, result in play(bench, number, "one session", names, connections=1):
            result["beyond"] = max(result["eom"] - sync["eom"], 0.0)
            runs.setdefault(name, []).append(result)
    columns = {"p50 ms": "eom", "p99 ms": "eom99", "p50 beyond fdatasync, ms": "beyond", "CPU µs a message": "cpu_us"}
    notes = ["p50 and p99 are from the end of a message to the filter's last answer.",
             "fdatasync: 4 KiB appended to a file in the same folder, in the same round, nothing else running."]
    return harness.median_table("UNIX socket, one session: the wait for an answer", runs, columns, notes=notes)


def _rounds(bench, title, opponents, **options):
    runs = {}
    for number in range(bench.rounds):
        for name, result in play(bench, number, title, opponents, **options):
            runs.setdefault(name, []).append(result)
    return runs


def play(bench, number, title, opponents, tcp=False, **options):
    """One run of each, in turn: what disturbs the machine for a while disturbs all of them."""
    for name, share in ((TRACKED, 1.0), (UNTRACKED, 0.0)):
        yield name, _told(bench, number, title, name, _leadmilter(bench, share, tcp, **options))
    for name, start in opponents.items():
        with start(bench, tcp) as server:
            expected = HEADERS if name == "headers8" else None
            result = harness.load(bench, server, expect_inserts=expected, **options)
        yield name, _told(bench, number, title, name, _figures(result))


def _told(bench, number, title, name, result):
    bench.say(f"milter: {title}, round {number + 1}: {name}: {result['rate']:,.0f}/s, {result['cpu_us']:.0f} µs")
    return result


def _leadmilter(bench, tracked, tcp, **options):
    """A run on a fresh store, after which the store must hold exactly the tracked messages."""
    listen = f"inet:127.0.0.1:{harness.free_port()}" if tcp else None
    with harness.leadmilter(bench, listen=listen) as server:
        result = harness.load(bench, server, tracked=tracked, expect_inserts=HEADERS, **options)
        threads = {name: spent * 1e6 / result["messages"] for name, spent in server.threads().items()}
        [(leads,)] = harness.sqlite_rows(server, "SELECT count(*) FROM lead")
    if leads != result["tracked"]:
        raise harness.Failure(f"{result['tracked']} tracked messages were answered, and {leads} leads are in the store")
    return {**_figures(result), "threads": threads}


def _by_thread(results):
    """Where the CPU of a tracked message goes, in the median of the rounds."""
    names = {"milter": "sessions and protocol", "store-writer": "the store's writer", "checkpoint": "copying its log back"}
    told = [f"{what} {statistics.median(each['threads'].get(name, 0) for each in results):.0f}" for name, what in names.items()]
    return f"CPU µs of leadmilter for a tracked message, by thread: {', '.join(told)}."


def _figures(result):
    """The figures of a table, in milliseconds where they are times; without an end of message, until the last answer."""
    return {
        **{key: result[key] for key in ("messages", "rate", "cpu_us", "connections", "backlog_full")},
        "each_ms": 1e3 * result["seconds"] / result["messages"],
        "p50": result["message_p50"] / 1e3,
        "p99": result["message_p99"] / 1e3,
        "eom": (result["eom_p50"] or result["message_p50"]) / 1e3,
        "eom99": (result["eom_p99"] or result["message_p99"]) / 1e3,
    }


def _bare_sync(bench):
    """How long the disk takes for a small durable write."""
    path = bench.folder("fdatasync") / "file"
    waits, ends = [], time.monotonic() + bench.seconds
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        while time.monotonic() < ends:
            os.write(file, b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file)
            waits.append(1e3 * (time.perf_counter() - began))
    finally:
        os.close(file)
        path.unlink()
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return {"eom": cuts[49], "eom99": cuts[98]}
