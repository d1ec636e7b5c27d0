"""The part `postfix`: what a filter costs a real Postfix, in letters per second, in milliseconds and in CPU.

Given a `Bench`, gives back four tables: (a) throughput and latency through sixteen sessions, one table with many
letters a connection and one with a single letter; (b) the milliseconds that a filter adds to the letters of one
session; (c) the CPU of a filter with one letter a connection. How a run goes and is checked stands in postfix_stage.py.
"""

import os
import statistics
import time

from harness import Table, median_table, shown, spread
from parts.postfix_client import CLIENT, FIRST_SESSIONS, PROBE_REST, SESSIONS, Session, flood, quantile
from parts.postfix_house import MEMORY
from parts.postfix_stage import FILTERS, FOREIGN, NOTHING, TRACKED, Case, Stage

MIXED = f"leadmilter, {FIRST_SESSIONS} of {SESSIONS} tracked"
THROUGHPUT = [
    Case(NOTHING, NOTHING),
    Case("noop_usual", "noop_usual unix"),
    Case("noop_lean", "noop_lean unix"),
    Case("headers8", "headers8 unix"),
    Case("floor_epoll", "floor_epoll unix"),
    Case("floor_epoll, accepts at DATA", "floor_epoll recipients unix"),
    Case("noop_indymilter, accepts at DATA", "noop_indymilter unix"),
    Case("leadmilter, all untracked", "leadmilter unix", (FOREIGN, FOREIGN)),
    Case(MIXED, "leadmilter unix", (TRACKED, FOREIGN)),
    Case("leadmilter, all tracked", "leadmilter unix"),
]
ONE_SESSION = [
    *(Case(name, name) for name in FILTERS),
    Case("leadmilter unix, untracked", "leadmilter unix", (FOREIGN, FOREIGN)),
    Case("leadmilter tcp, untracked", "leadmilter tcp", (FOREIGN, FOREIGN)),
    Case("leadmilter unix, store in memory", "leadmilter unix", in_memory=True),
    Case("leadmilter tcp, store in memory", "leadmilter tcp", in_memory=True),
]
# The shortest run of one session: libmilter over TCP takes a tenth of a second for a letter.
FEWEST = 10
SYNCS = 50

POSTFIX_NOTE = (
    "Postfix: private, on loopback, queue on tmpfs where the host has /dev/shm, delivery by discard(8), "
    "in_flow_delay=0, max_use=1000000, default_process_limit=200, milter_default_action=tempfail; each filter has an "
    "smtpd of its own, warmed up before each run. Its CPU is that of all its processes until the queue is empty."
)
LETTER_NOTE = "A letter has 15 header fields of 1.6 KB and 4 KB of text; Postfix gives each a Message-ID of its own."
CHECK_NOTE = (
    "Checked in each run: leadmilter's store holds one lead for each tracked letter and none for any other, a letter "
    "sent before the clock ran carries all its headers, Postfix has delivered every letter and logged no complaint."
)


def run(bench):
    """Measures, and gives back the tables."""
    with Stage(bench) as stage:
        kept = _rounds(bench, "many letters a connection", THROUGHPUT, lambda case: _flooded(stage, case, keep=True))
        single = _rounds(bench, "one letter a connection", THROUGHPUT, lambda case: _flooded(stage, case, keep=False))
        cases = [case for case in ONE_SESSION if MEMORY.is_dir() or not case.in_memory]
        alone = _rounds(bench, "one session", cases, lambda case: _alone(stage, case))
    return [
        _throughput("many letters a connection", kept),
        _throughput("one letter a connection", single),
        _added(alone),
        _filter_cpu(single),
    ]


def _rounds(bench, title, cases, measure):
    """Runs all cases in turn, round after round."""
    runs = {case.name: [] for case in cases}
    for number in range(bench.rounds):
        for case in cases:
            runs[case.name].append(measure(case))
        bench.say(f"postfix, {title}: round {number + 1} of {bench.rounds}")
    return runs


def _flooded(stage, case, keep):
    messages = stage.length(keep)

    def send(folder, port):
        sent = flood(folder, port, case.recipients, messages, keep, probe=case.recipients[0])
        result = {"rate": sent.rate, "p50_ms": quantile(sent.probed, 0.5), "p95_ms": quantile(sent.probed, 0.95)}
        return sent.sent_to(TRACKED), sent.total, result

    return stage.run(case, send)


def _alone(stage, case):
    """Sends letters through one session, one after another, each from another sender."""
    bench, recipient = stage.bench, case.recipients[0]

    def send(_, port):
        took, ends = [], time.monotonic() + bench.seconds
        with Session(port) as session:
            while time.monotonic() < ends or len(took) < FEWEST:
                took.append(session.send(recipient, f"buyer-{len(took)}@{CLIENT}"))
        result = {"rate": 1000 / statistics.fmean(took), "mean_ms": statistics.fmean(took)}
        result |= {"p50_ms": quantile(took, 0.5), "p99_ms": quantile(took, 0.99)}
        if case.filter == NOTHING:
            result["sync_ms"] = _sync(bench.work / "synced")
        return len(took) if recipient == TRACKED else 0, len(took), result

    return stage.run(case, send)


def _sync(path):
    """Milliseconds that a bare fdatasync of 4 KB takes where leadmilter's store is: the least for a durable lead."""
    took = []
    with path.open("wb", buffering=0) as out:
        for _ in range(SYNCS):
            out.write(bytes(4096))
            began = time.monotonic()
            os.fdatasync(out.fileno())
            took.append((time.monotonic() - began) * 1000)
    path.unlink()
    return statistics.median(took)


def _throughput(title, runs):
    columns = {
        "letters/s": "rate",
        "probe p50, ms": "p50_ms",
        "probe p95, ms": "p95_ms",
        "filter CPU, µs/letter": "cpu_us",
        "Postfix CPU, µs/letter": "postfix_us",
    }
    notes = [
        f"smtp-source with {SESSIONS} sessions, filters on a UNIX socket. The probe is one more client, which rests "
        f"for {PROBE_REST * 1000:.0f} ms after each letter and times it from MAIL (with one letter a connection: from "
        "connecting) to the last answer; beside a load that takes all there is, it mostly waits for its turn.",
        f"In the mixed case {FIRST_SESSIONS} of {SESSIONS} sessions send tracked letters: an smtp-source has one "
        "recipient, so there are two of them, in every case.",
        "To reach: 0.97 of no milter with all mail untracked, which leadmilter accepts at DATA. The floor for that is "
        "floor_epoll accepting at DATA, which sees recipients and looks at none; the other sees nothing of a letter and answers "
        "its end. noop_indymilter shows what leadmilter's protocol library takes of it.",
        POSTFIX_NOTE,
        LETTER_NOTE,
        CHECK_NOTE,
    ]
    return median_table(f"Through Postfix, {title}", runs, columns, against=[NOTHING, "noop_usual"], notes=notes)


def _added(runs):
    """Milliseconds a letter against no milter in the same round."""
    rows = []
    for name, results in runs.items():
        added = [each["mean_ms"] - base["mean_ms"] for each, base in zip(results, runs[NOTHING])]
        cells = [spread([each[key] for each in results]) for key in ("mean_ms", "p50_ms", "p99_ms")]
        cells += [None if name == NOTHING else spread(added)]
        cells += [spread([each["cpu_us"] for each in results if each["cpu_us"] is not None])]
        rows.append([name, *cells])
    synced = spread([each["sync_ms"] for each in runs[NOTHING]])
    columns = ["", "ms/letter", "p50, ms", "p99, ms", "added, ms/letter", "filter CPU, µs/letter"]
    notes = [
        "One SMTP session, one letter after another, from MAIL to the last answer; a client of our own, since "
        "smtp-source keeps no times. What is added is the mean less that of no milter in the same round.",
        f"A tracked letter waits for the disk: 4 KB appended where the store is took {synced} ms to fdatasync in the "
        "same rounds. With the store on tmpfs, like Postfix's queue, no lead is durable: these rows tell what is left.",
        "headers8 inserts eight headers where leadmilter inserts eleven; libmilter sends each by itself, and over TCP "
        "the second waits for the acknowledgement of the first. To reach over TCP: leadmilter adds 3 ms at most.",
        "CPU is counted in ticks of 10 ms, which is coarse for the few letters that headers8 lets through over TCP.",
        POSTFIX_NOTE,
        CHECK_NOTE,
    ]
    return Table("Milliseconds that a filter adds to a letter, one session", columns, rows, notes, {"runs": runs})


def _filter_cpu(runs):
    rows = [
        [name, spread([each["cpu_us"] for each in results]), spread([each["postfix_us"] for each in results])]
        for name, results in runs.items()
        if name != NOTHING
    ]
    alone = statistics.median(each["postfix_us"] for each in runs[NOTHING])
    notes = [
        f"From the runs with one letter a connection and {SESSIONS} sessions. Postfix alone takes {shown(alone)} µs.",
        "To reach: 300 µs a tracked letter at most.",
    ]
    columns = ["", "filter CPU, µs/letter", "Postfix CPU, µs/letter"]
    return Table("CPU of the filter, one letter a connection", columns, rows, notes, {"runs": runs})
