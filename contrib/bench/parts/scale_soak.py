"""Sustained load: does anything grow, does anything slow down?

Given a `Bench`, offers one daemon a fixed rate of tracked messages for `bench.soak` minutes, in ten equal stretches,
and gives back a table with memory, latency and store after each.
"""

import math

import harness
from parts import scale_daemon

RATE = 2000  # messages a second
STRETCHES = 10
COLUMNS = {
    "time s": "time", "messages/s": "rate", "CPU µs a message": "cpu_us", "p50 ms": "p50", "p99 ms": "p99",
    "max ms": "max", "RSS MiB": "rss", "leads": "leads", "store MB": "store", "WAL MB": "wal",
}


def table(bench):
    """Ten rows, one for each tenth of the time."""
    minutes = bench.soak
    seconds = max(minutes * 60 / STRETCHES, 0.2)
    rate = RATE // 4 if bench.quick else RATE
    rows, measured = [], []
    with scale_daemon.daemon(bench, "soak") as server:
        store = server.folder / "store"
        start = server.rss() / 2**20
        for stretch in range(1, STRETCHES + 1):
            before = scale_daemon.counted(store)
            result = scale_daemon.offered(bench, server, rate, seconds=seconds)
            leads = scale_daemon.counted(store)
            scale_daemon.demand_leads("soak", before, leads, result)
            figures = {
                "time": stretch * seconds, **result, "rss": server.rss() / 2**20, "leads": leads,
                "store": _size(store / "leads.db"), "wal": _size(store / "leads.db-wal"),
            }
            measured.append(figures)
            rows.append([figures[key] for key in COLUMNS.values()])
            bench.say(f"scale: soak {stretch}/{STRETCHES}: p99 {result['p99']:.2f} ms, {figures['rss']:.0f} MiB")
        peak = server.peak() / 2**20
    growth = measured[-1]["rss"] - measured[STRETCHES // 2 - 1]["rss"]
    drift = measured[-1]["p99"] / measured[0]["p99"] if measured[0]["p99"] else math.nan
    notes = [
        f"{rate:,} messages/s were offered over {scale_daemon.OFFERING} connections for {minutes:g} minutes; one run.",
        f"RSS was {start:.0f} MiB before, {peak:.0f} MiB at most; the second half of the time added {growth:+.1f} MiB. "
        f"p99 of the last stretch is {drift:.2f} times that of the first.",
    ]
    if min(figures["rate"] for figures in measured) < 0.97 * rate:
        notes.append("This machine did not bear the offered rate: the latencies are those of a queue that is always full.")
    return harness.Table("Sustained load", list(COLUMNS), rows, notes, {"stretches": measured})


def _size(file):
    return file.stat().st_size / 1e6 if file.exists() else 0.0
