"""A long queue: how fast it drains, and what a kill in the middle costs.

Given a `Bench`; fills a store with deliveries that are due, as a receiver that was away leaves them, starts the daemon,
kills it after a third of them, and starts it again. Every event has to have arrived in the end, and only those that were
under way at the kill may have come twice.
"""

import contextlib
import random
import sqlite3
import time

import harness
from harness import Failure
from parts import scale_daemon

CALLS = 16  # at a time
DRAIN = 900.0  # seconds, at most
COLUMNS = {"events/s": "rate", "CPU µs an event": "cpu_us", "seconds": "seconds", "came twice": "twice"}


def table(bench):
    """The table of this story; one run, since a queue of this length is long enough."""
    events = 5_000 if bench.quick else 100_000
    result = _drained(bench, events)
    bench.say(f"scale: {events:,} queued events drained at {result['rate']:,.0f}/s, {result['twice']} came twice")
    return harness.median_table(
        "Outbox: a long queue with a kill in the middle", {f"{events:,} queued events": [result]}, COLUMNS,
        notes=[
            f"{CALLS} calls at a time to one receiver; kill -9 after a third. Seconds are from the first start to the last "
            "event, the second start included.",
        ],
    )


def _drained(bench, events):
    with contextlib.ExitStack() as held:
        receiver = scale_daemon.Receiver(bench, bench.folder("receivers"), 204)
        held.callback(receiver.stop)
        shape = {"sinks": [("crm", receiver.url, CALLS, "20s")]}
        store = bench.folder("queue") / "store"
        with scale_daemon.daemon(bench, "made", store=store, **shape) as server:
            scale_daemon.end(server)
        _fill(store, events)
        began = time.monotonic()
        with scale_daemon.daemon(bench, "killed", store=store, **shape) as server:
            _until(receiver, events // 3)
            cpu = server.cpu()
            server.process.kill()
            server.process.wait()
        with scale_daemon.daemon(bench, "drains", store=store, **shape) as server:
            _until(receiver, events)
            _until_written(store, events)
            seconds, cpu = time.monotonic() - began, cpu + server.cpu()
        twice = receiver.count() - events
        if not 0 <= twice <= CALLS:
            raise Failure(f"queue: {twice} events came twice, and {CALLS} at most were under way")
    return {"rate": events / seconds, "cpu_us": cpu * 1e6 / events, "seconds": seconds, "twice": twice}


def _fill(store, events):
    """Deliveries of events as large as real ones, each due at its own moment of the past; none is too old to be kept."""
    body = '{"type":"lead.received","data":{"filler":"' + "x" * 1900 + '"}}'
    due = random.Random(7)
    rows, now = range(1, events + 1), int(time.time() * 1000)
    with contextlib.closing(sqlite3.connect(store / "leads.db")) as opened, opened:
        opened.executemany(
            "INSERT INTO event (sequence, id, type, lead_id, created_at, body) VALUES (?, ?, 'lead.received', '', ?, ?)",
            ((number, f"event-{number:06}", now, body) for number in rows),
        )
        opened.executemany(
            "INSERT INTO delivery (event, sink, state, attempts, created_at, next_at) VALUES (?, 'crm', 0, 0, ?, ?)",
            ((number, now, due.randrange(1, 10**9)) for number in rows),
        )


def _until(receiver, events):
    deadline = time.monotonic() + DRAIN
    while receiver.count() < events:
        if time.monotonic() > deadline:
            raise Failure(f"queue: {events} events had not arrived after {DRAIN:.0f} s")
        time.sleep(0.01)


def _until_written(store, events):
    """Until every delivery is written down as arrived: a duplicate may have filled the count before."""
    deadline = time.monotonic() + DRAIN
    with contextlib.closing(sqlite3.connect(f"file:{store}/leads.db?mode=ro", uri=True)) as opened:
        while opened.execute("SELECT count(*) FROM delivery WHERE state = 1").fetchone()[0] < events:
            if time.monotonic() > deadline:
                raise Failure(f"queue: not all of {events} deliveries were written down after {DRAIN:.0f} s")
            time.sleep(0.05)
