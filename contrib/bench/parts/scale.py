"""Part `scale`: what a tracked message costs when there is much of something.

Many addresses in the config, many leads in the store, many connections, many recipients, a long time, many events.
Given a `Bench`, gives back one table for each. The neighbours do the rest: `scale_daemon` starts the daemon in the
shape that is asked for, `scale_store` makes the large store, `scale_idle` holds idle connections, `scale_soak`,
`scale_outbox` and `scale_drain` are the long stories.
"""

import harness
from parts import scale_daemon, scale_drain, scale_idle, scale_outbox, scale_soak, scale_store

CONNECTIONS = 64  # that are busy, wherever nothing else is said
CHANNELS, ADDRESSES = 1000, 100
RECIPIENTS = 20
COST = {"messages/s": "rate", "CPU µs a message": "cpu_us", "p50 ms": "p50", "p99 ms": "p99"}


def run(bench):
    """All tables of this part."""
    return [
        addresses(bench),
        large_store(bench),
        connections(bench),
        recipients(bench),
        scale_idle.table(bench),
        scale_soak.table(bench),
        *scale_outbox.tables(bench),
        scale_drain.table(bench),
    ]


def measured(bench, server, store, **options):
    """One run over 64 connections; every message must have become one lead, and got its headers."""
    options = {"connections": CONNECTIONS, "expect_inserts": scale_daemon.INSERTS, **options}
    before = scale_daemon.counted(store)
    result = harness.load(bench, server, **options)
    scale_daemon.demand_leads(server.name, before, scale_daemon.counted(store), result)
    return scale_daemon.figures(result)


def addresses(bench):
    """One static address against a hundred thousand."""
    runs = {}
    shapes = {"1 address": (1, 1), f"{CHANNELS * ADDRESSES:,} addresses": (CHANNELS, ADDRESSES)}
    for _ in range(bench.rounds):
        for name, (channels, each) in shapes.items():
            with scale_daemon.daemon(bench, name, channels=channels, addresses=each) as server:
                rss = server.rss() / 2**20
                # The last one of the config, so that a search from the first to the last would show.
                last = harness.recipient(channels - 1, each - 1)
                result = measured(bench, server, server.folder / "store", recipient=last)
            runs.setdefault(name, []).append({"start": server.started_in, "rss": rss, **result})
            bench.say(f"scale: {name}: start {server.started_in:.2f} s, {rss:.0f} MiB, {result['rate']:,.0f}/s")
    return harness.median_table(
        "Addresses in the config", runs, {"start s": "start", "RSS MiB": "rss", **COST}, against=("1 address",),
        notes=["Start is from fork to the first connection that is accepted: config read and checked, store made."],
    )


def large_store(bench):
    """An empty store against one that has been filled for years."""
    leads = 20_000 if bench.quick else 10_000_000 if bench.full else 1_000_000
    store, found, size = scale_store.filled(bench, leads)
    names = {"empty store": None, f"{found:,} leads": store}
    runs = {}
    for _ in range(bench.rounds):
        for name, there in names.items():
            server = scale_daemon.daemon(bench, name, store=there)
            result = measured(bench, server, there or server.folder / "store")
            rss = server.rss() / 2**20
            scale_daemon.end(server)
            runs.setdefault(name, []).append({"start": server.started_in, "rss": rss, **result})
            bench.say(f"scale: {name}: {result['rate']:,.0f}/s, {result['cpu_us']:.0f} µs")
    return harness.median_table(
        "Leads in the store", runs, {"start s": "start", "RSS MiB after": "rss", **COST}, against=("empty store",),
        notes=[
            f"The filled store: {found:,} leads, each with its event, keys, one delivery and one attempt: "
            f"{size / 1e6:,.0f} MB on disk, {size / found:,.0f} octets a lead. It grows a little with every round.",
            "It was written shortly before, so the system's cache of files holds as much of it as fits into memory.",
        ],
    )


def connections(bench):
    """The same 64 busy connections, alone and among many idle ones."""
    idle = 1000 - CONNECTIONS
    scale_idle.allow_files(1000)
    runs = {}
    for _ in range(bench.rounds):
        for name, beside in {f"{CONNECTIONS} busy": 0, f"{CONNECTIONS} busy of 1,000": idle}.items():
            with scale_daemon.daemon(bench, name) as server:
                result = measured(bench, server, server.folder / "store", idle=beside)
            runs.setdefault(name, []).append(result)
            bench.say(f"scale: {name}: {result['rate']:,.0f}/s")
    return harness.median_table("Connections that are open", runs, COST, against=(f"{CONNECTIONS} busy",))


def recipients(bench):
    """One recipient a message against twenty."""
    runs = {}
    for _ in range(bench.rounds):
        for name, number in {"1 recipient": 1, f"{RECIPIENTS} recipients": RECIPIENTS}.items():
            with scale_daemon.daemon(bench, name, addresses=RECIPIENTS) as server:
                pool = {"recipient": harness.recipient(0, "{n}"), "recipient_pool": RECIPIENTS}
                result = measured(bench, server, server.folder / "store", recipients=number, **pool)
            runs.setdefault(name, []).append(result)
            bench.say(f"scale: {name}: {result['rate']:,.0f}/s")
    return harness.median_table(
        "Recipients of one message", runs, COST, against=("1 recipient",),
        notes=["Every recipient is a substitute address of its own; together they are one lead, with a key for each."],
    )
