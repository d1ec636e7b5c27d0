"""What goes wrong in part `faults`, each cause as one class: the shape of the daemon it needs, and the disturbance.

Given a `Bench`, a cause is entered before the daemon starts and left after it has ended. `around` begins to disturb a
running daemon from outside and stops when left; `told` says afterwards what the disturbance itself did, so that one
which did nothing is noticed.
"""

import contextlib
import signal
import sqlite3
import threading
import time

import harness
from harness import Failure
from parts import scale_daemon

SYNC_MS = 20
RELOAD_EVERY = 0.2
RELOADED = {"channels": 100, "addresses": 100}
CHECKPOINT_EVERY = 0.05
BACKLOG = 30_000  # leads that are recorded while a reader holds the WAL
SINK = ("crm", 16, "20s")


class Nothing:
    """No fault: what the others are held against."""

    shape = {}  # of the daemon: see scale_daemon.write_config

    def __init__(self, bench):
        self.bench = bench

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @contextlib.contextmanager
    def around(self, server):
        """Disturbs a running daemon for as long as it is entered."""
        yield

    def told(self):
        """What the disturbance did, for a note; empty if there is nothing to tell."""
        return ""


class SlowSync(Nothing):
    """Every fsync and fdatasync of the daemon takes 20 ms longer."""

    @property
    def shape(self):
        shim = self.bench.tools / "slow_sync.so"
        if not shim.exists():
            raise Failure(f"{shim} is missing: contrib/bench/run builds it from opponents/slow_sync.c")
        return {"env": {"LD_PRELOAD": str(shim), "SLOW_SYNC_MS": str(SYNC_MS)}}


class Refusing(Nothing):
    """The only sink refuses connections."""

    @property
    def shape(self):
        return {"sinks": [(SINK[0], scale_daemon.closed(), *SINK[1:])]}


class Hanging(Nothing):
    """The only sink takes requests and never answers."""

    def __enter__(self):
        self.sink = scale_daemon.hanging()
        self.shape = {"sinks": [(SINK[0], self.sink.__enter__(), *SINK[1:])]}
        return self

    def __exit__(self, *failure):
        self.sink.__exit__(*failure)


class Repeated(Nothing):
    """Does something to the daemon or its store over and over, in a thread of its own."""

    every = 0.0

    @contextlib.contextmanager
    def around(self, server):
        self.times, self.longest = 0, 0.0
        stop, failures = threading.Event(), []

        def repeat():
            try:
                with contextlib.closing(self.prepared(server)) as means:
                    while not stop.wait(self.every):
                        began = time.monotonic()
                        self.disturb(server, means)
                        self.longest = max(self.longest, time.monotonic() - began)
                        self.times += 1
            except (OSError, sqlite3.Error) as failure:
                failures.append(failure)

        thread = threading.Thread(target=repeat)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if failures or not self.times:
            raise Failure(f"{type(self).__name__} did not disturb: {failures or 'never'}")

    def prepared(self, server):
        """What `disturb` works with; closed at the end."""
        return contextlib.ExitStack()

    def disturb(self, server, means):
        raise NotImplementedError


class Checkpoints(Repeated):
    """Another process checkpoints and truncates the WAL all the time."""

    every = CHECKPOINT_EVERY
    busy = 0

    def prepared(self, server):
        store = server.folder / "store" / "leads.db"
        return sqlite3.connect(store, timeout=1.0, isolation_level=None)

    def disturb(self, server, means):
        busy, _, _ = means.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.busy += busy

    def told(self):
        return (
            f": {self.times} checkpoints in the last run, the longest of {self.longest * 1e3:.0f} ms; "
            f"{self.busy} found no moment without a writer within a second"
        )


class Reloads(Repeated):
    """SIGHUP, five times a second, under a config of ten thousand addresses."""

    every = RELOAD_EVERY
    shape = RELOADED

    def disturb(self, server, means):
        server.signal(signal.SIGHUP)

    @contextlib.contextmanager
    def around(self, server):
        with super().around(server):
            yield
        self.done = (server.folder / "log").read_text(encoding="utf-8", errors="replace").count("config reloaded")
        if not self.done:
            raise Failure(f"the daemon did not reload; see {server.folder}/log")

    def told(self):
        return f": {self.times} signals in the last run, {self.done} reloads had ended with it"


class LongReader(Nothing):
    """Another process holds one read transaction open, so that no checkpoint gets past it and the WAL grows."""

    @contextlib.contextmanager
    def around(self, server):
        with contextlib.closing(_reading(server)):
            yield
            self.wal = _wal(server)

    def told(self):
        return f": the WAL had grown to {self.wal / 1e6:.1f} MB"


class ReaderEnds(LongReader):
    """Such a transaction ends in the middle of the run, and a checkpoint has all of the grown WAL to bring home."""

    @contextlib.contextmanager
    def around(self, server):
        reader = _reading(server)
        backlog = BACKLOG // 20 if self.bench.quick else BACKLOG
        harness.load(self.bench, server, connections=64, messages=backlog)
        self.wal = _wal(server)
        release = threading.Timer(self.bench.seconds / 2, reader.close)
        release.start()
        try:
            yield
        finally:
            release.cancel()
            release.join()
            reader.close()
        self.after = _wal(server)

    def told(self):
        return f"{super().told()} when it ended, and was a file of {self.after / 1e6:.1f} MB at the end of the run"


def _reading(server):
    reader = sqlite3.connect(server.folder / "store" / "leads.db", isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    # Only a first read begins it.
    reader.execute("SELECT count(*) FROM lead").fetchone()
    return reader


def _wal(server):
    return (server.folder / "store" / "leads.db-wal").stat().st_size


CAUSES = {
    f"every sync takes {SYNC_MS} ms longer": SlowSync,
    "sink refuses connections": Refusing,
    "sink hangs": Hanging,
    "checkpoints from outside": Checkpoints,
    "reload every 200 ms": Reloads,
    "long read transaction": LongReader,
    "long read transaction ends": ReaderEnds,
}

NOTES = [
    "Slow syncs come from a library that is preloaded into the daemon; the daemon knows nothing of it.",
    "The checkpoints that the daemon does itself are in every row, the first one too. "
    f"Those from outside are another connection's PRAGMA wal_checkpoint(TRUNCATE), every {CHECKPOINT_EVERY * 1000:.0f} ms.",
    f"The transaction that ends was begun before {BACKLOG:,} leads (--quick: {BACKLOG // 20:,}) were recorded.",
]
