"""The outbox under load: how many events reach their receivers while leads come in, and what a dead sink does to
others.

Given a `Bench`, gives back two tables. Receivers are real processes on the loopback interface that answer at once and
count; the dead sink refuses connections, the hanging one takes them and never answers.
"""

import contextlib
import time

import harness
from harness import Failure
from parts import scale_daemon

OFFERED = 1500  # leads a second: more events than are to be reached
CALLS = 16  # at a time, per sink
DRAIN = 60.0  # seconds that what is left over may take
COLUMNS = {
    "leads/s": "leads", "events/s meanwhile": "events", "left over": "left", "events/s to the end": "sustained",
    "p99 ms of the milter": "p99", "CPU µs a lead": "cpu_us",
}


def tables(bench):
    """One sink alone; then two, alone and beside a third that is dead."""
    alone = {}
    company = {}
    for _ in range(bench.rounds):
        alone.setdefault("1 live sink", []).append(_round(bench, 1, None))
        for name, dead in {"2 live sinks": None, "+ 1 that refuses": "refuses", "+ 1 that hangs": "hangs"}.items():
            company.setdefault(name, []).append(_round(bench, 2, dead))
            bench.say(f"scale: outbox, {name}: {company[name][-1]['events']:,.0f} events/s a sink")
    offered = (
        f"{_rate(bench):,} leads/s were offered over {scale_daemon.OFFERING} connections; "
        f"{CALLS} calls at a time per sink."
    )
    return [
        harness.median_table("Outbox: one webhook receiver", alone, COLUMNS, notes=[
            offered,
            "Left over is what had not arrived when the last lead was recorded; to the end is every event over the time "
            "from the first lead to the last arrival. Every event arrived once.",
        ]),
        harness.median_table(
            "Outbox: a dead sink beside two live ones", company, COLUMNS, against=("2 live sinks",), ratio_of="sustained",
            notes=[offered, "Figures are those of the slower one of the two live sinks."],
        ),
    ]


def _rate(bench):
    return OFFERED // 3 if bench.quick else OFFERED


def _round(bench, live, dead):
    with contextlib.ExitStack() as held:
        folder = bench.folder("receivers")
        receivers = [scale_daemon.Receiver(bench, folder, 204) for _ in range(live)]
        for receiver in receivers:
            held.callback(receiver.stop)
        sinks = [(f"live-{number}", receiver.url, CALLS, "20s") for number, receiver in enumerate(receivers)]
        if dead == "refuses":
            sinks.append(("dead", scale_daemon.closed(), CALLS, "20s"))
        elif dead == "hangs":
            sinks.append(("dead", held.enter_context(scale_daemon.hanging()), CALLS, "20s"))
        server = held.enter_context(scale_daemon.daemon(bench, "outbox", sinks=sinks))
        cpu = server.cpu()
        began = time.monotonic()
        result = scale_daemon.offered(bench, server, _rate(bench))
        ended = time.monotonic()
        arrived = min(receiver.count() for receiver in receivers)
        messages = result["messages"]
        scale_daemon.demand_leads("outbox", 0, scale_daemon.counted(server.folder / "store"), result)
        finished = _drained(receivers, messages)
        # A second call for one event would be right, and a fault in this house, where nothing fails.
        counts = [receiver.count() for receiver in receivers]
        if any(count != messages for count in counts):
            raise Failure(f"outbox: {messages} leads became {counts} events; see {server.folder}/log")
        return {
            "leads": messages / (ended - began), "events": arrived / (ended - began), "left": messages - arrived,
            "sustained": messages / (finished - began), "p99": result["p99"],
            "cpu_us": (server.cpu() - cpu) * 1e6 / max(messages, 1),
        }


def _drained(receivers, events):
    """When the last event arrived at the last receiver."""
    deadline = time.monotonic() + DRAIN
    # A count is all that a receiver tells; asked often enough, it is the moment.
    while min(receiver.count() for receiver in receivers) < events:
        if time.monotonic() > deadline:
            raise Failure(f"outbox: {events} events had not arrived {DRAIN:.0f} s after the last lead")
        time.sleep(0.01)
    return time.monotonic()
