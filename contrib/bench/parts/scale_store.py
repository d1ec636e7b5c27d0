"""A store with many leads, made in minutes: the daemon writes a few dozen, and SQL multiplies them.

Given a `Bench` and a number; gives back the folder of a store that the daemon can open, how many leads it holds and how
many octets it takes. No column is named unless its value has to differ between copies: whatever else the daemon wrote,
index or column, is carried along. Row numbers move by the size of the block that is copied, ids get another time,
senders another local part, digests are digested with the copy's number, and times lie in the past, a block a step. A
table with rows that this file knows nothing about ends the run with its name.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import time

import harness
from harness import Failure
from parts import scale_daemon

BLOCK = 50  # leads that the daemon writes itself
YEARS_BACK = 2
DELIVERED = 30.0  # seconds that the block's deliveries may take
OCTETS = 6000  # of free disk for each lead: what it takes, and what sorting takes meanwhile

# Columns that number rows, with the table whose row numbers they speak of.
NUMBERS = {
    ("lead", "sequence"): "event",
    ("event", "sequence"): "event",
    ("delivery", "id"): "delivery",
    ("delivery", "event"): "event",
    ("attempt", "delivery"): "delivery",
    ("known", "lead"): "event",
}
# Builds before the third migration have dedupe and message_id where later ones have known.
COPIED = ("event", "lead", "known", "dedupe", "message_id", "delivery", "attempt")
LEFT = ("counter", "migration", "address", "harvester", "sqlite_sequence", "sqlite_stat1", "sqlite_stat4")
IDS = {"id", "lead_id", "thread", "series_first_id"}
SENDERS = {"sender", "sender_key"}
TIMES = {"at", "since"}

LETTER = """\
Return-Path: <client{number}@{domain}>
Delivered-To: {recipient}
From: Client {number} <client{number}@{domain}>
To: {recipient}
Subject: Inquiry {number}
Date: Thu, 01 Oct 2026 10:{minute:02}:00 +0300
Message-ID: <{number}.inquiry@{domain}>
Content-Type: text/plain; charset=utf-8

Please send us your prices.
"""


def filled(bench, leads):
    """Makes a store of `leads` leads in a folder of its own, with every event delivered."""
    folder = bench.folder(f"store-{leads}")
    store = folder / "store"
    free, needed = shutil.disk_usage(folder).free, leads * OCTETS
    if free < needed:
        raise Failure(
            f"a store of {leads:,} leads wants {needed / 1e9:.0f} GB, and {folder} has {free / 1e9:.0f}: free some"
        )
    # Sorting happens beside the store, where there is room.
    os.environ["SQLITE_TMPDIR"] = str(folder)
    bench.say(f"scale: making a store of {leads:,} leads")
    began = time.monotonic()
    _write_block(bench, folder, store)
    with contextlib.closing(sqlite3.connect(store / "leads.db", isolation_level=None)) as opened:
        _multiply(opened, max(1, leads // BLOCK - 1))
    with (store / "leads.db").open("rb") as written:
        # Else the daemon's first checkpoint would wait for the disk to take all of it.
        os.fsync(written.fileno())
    size = sum(file.stat().st_size for file in store.iterdir())
    found = scale_daemon.counted(store)
    bench.say(f"scale: a store of {found:,} leads, {size / 1e6:,.0f} MB, made in {time.monotonic() - began:.0f} s")
    return store, found, size


def _write_block(bench, folder, store):
    """Has the daemon write and deliver the leads that the others are copies of."""
    letters = folder / "letters"
    letters.mkdir()
    for number in range(BLOCK):
        text = LETTER.format(
            number=number, minute=number % 60, domain=f"client{number % 7}.example", recipient=harness.recipient()
        )
        (letters / f"{number}.eml").write_text(text, encoding="ascii")
    receiver = scale_daemon.Receiver(bench, folder, 204)
    server = scale_daemon.daemon(bench, "block", store=store, sinks=[("crm", receiver.url, 4, "20s")])
    argv = [bench.leadmilter, "--config", server.config, "ingest", *sorted(letters.iterdir())]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"leadmilter ingest: {done.stderr.strip().splitlines()[-1]}")
    _wait_for(receiver, BLOCK)
    scale_daemon.end(server)
    receiver.stop()


def _wait_for(receiver, events):
    # The daemon looks every five seconds for what another process has added; there is nothing else to wait on.
    deadline = time.monotonic() + DELIVERED
    while receiver.count() < events:
        if time.monotonic() > deadline:
            raise Failure(f"only {receiver.count()} of {events} events were delivered within {DELIVERED:.0f} s")
        time.sleep(0.1)


def _multiply(opened, copies):
    """Adds `copies` copies of everything that the store holds."""
    # If this run is interrupted the store is thrown away, so nothing needs a journal.
    opened.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000")
    _know_every_table(opened)
    indexes = opened.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for name, _ in indexes:
        opened.execute(f'DROP INDEX "{name}"')
    blocks = {
        table: opened.execute(f"SELECT max({key}) FROM {table}").fetchone()[0]
        for table, key in (("event", "sequence"), ("delivery", "id"))
    }
    now = int(time.time() * 1000)
    step = YEARS_BACK * 365 * 86_400_000 // (copies + 1)
    opened.execute("CREATE TEMP TABLE copy (number INTEGER PRIMARY KEY, back INTEGER, stamp TEXT)")
    # The oldest first, as rows come in; a version 7 id begins with 48 bits of time.
    opened.executemany(
        "INSERT INTO copy VALUES (?, ?, ?)",
        ((number, back, _stamp(now - back)) for number in range(1, copies + 1)
         if (back := (copies + 1 - number) * step)),
    )
    opened.execute("CREATE TEMP TABLE origin AS SELECT id AS origin, sender AS wrote FROM lead")
    opened.execute("BEGIN")
    opened.create_function("derived", 2, _derived, deterministic=True)
    there = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in filter(there.__contains__, COPIED):
        # Read from beside the table: SQLite would first gather all new rows elsewhere.
        opened.execute(f"CREATE TEMP TABLE {table}_block AS SELECT * FROM main.{table}")
        opened.execute(_copying(opened, table, blocks))
    opened.execute("UPDATE counter SET value = (SELECT max(sequence) FROM event) WHERE name = 'event'")
    for _, statement in indexes:
        opened.execute(statement)
    opened.execute("COMMIT")
    # A store that has grown under the daemon has such figures, too: it gathers them whenever it stops.
    opened.executescript("PRAGMA analysis_limit = 1000; ANALYZE; PRAGMA journal_mode = WAL")


def _derived(digest, number):
    """A digest as good as `digest` for copy `number`, the same wherever the digest stands; an empty one stays empty."""
    return digest and hashlib.sha256(digest + number.to_bytes(8)).digest()[: len(digest)]


def _stamp(at):
    digits = f"{at:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _know_every_table(opened):
    for (table,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if table in COPIED or table in LEFT:
            continue
        if opened.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]:
            raise Failure(f"the store has a table {table} with rows: teach scale_store.py whether and how to copy it")


def _copying(opened, table, blocks):
    """The statement that copies a table once for each row of `copy`."""
    columns, values = [], []
    for _, name, kind, *_ in opened.execute(f"PRAGMA table_info({table})"):
        columns.append(name)
        values.append(_value(table, name, kind, blocks))
    body = "body" in columns
    joined = "JOIN origin ON origin.origin = old.lead_id" if body else ""
    key = [str(number + 1) for number, *_, kind, _, _, place in opened.execute(f"PRAGMA table_info({table})")
           if place and kind == "BLOB"]
    # Random keys in their own order fill pages one after another instead of all of them at once.
    order = f"ORDER BY {', '.join(key) or 'copy.number'}"
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"
        f" FROM copy CROSS JOIN {table}_block AS old {joined} {order}"
    )


def _value(table, column, kind, blocks):
    """What a column's value is in a copy."""
    old = f"old.{column}"
    if (table, column) in NUMBERS:
        return f"{old} + copy.number * {blocks[NUMBERS[table, column]]}"
    if kind == "BLOB":
        return f"derived({old}, copy.number)"
    if column in IDS:
        return f"copy.stamp || substr({old}, 14)"
    if column in SENDERS:
        return f"copy.number || '.' || {old}"
    if column == "body":
        told = f"replace({old}, old.lead_id, copy.stamp || substr(old.lead_id, 14))"
        return f"replace({told}, '\"' || origin.wrote, '\"' || copy.number || '.' || origin.wrote)"
    if kind == "INTEGER" and (column in TIMES or column.endswith("_at")):
        return f"{old} - copy.back"
    return old
