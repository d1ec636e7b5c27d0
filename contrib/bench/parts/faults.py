"""Part `faults`: how long the mail server waits for an answer while something is wrong.

Given a `Bench`, offers a rate that the machine bears easily, to a daemon that is undisturbed and to one each with every
fault of `faults_causes`, in turn within each round; gives back one table of the time from the end of a message to its
answer. Every message must be answered, whatever the fault; those that passed without a lead are counted.
"""

import contextlib

import harness
from parts import faults_causes, scale_daemon

RATE = 500  # messages a second
COLUMNS = {
    "messages/s": "rate", "p50 ms": "p50", "p99 ms": "p99", "max ms": "max", "due p99 ms": "due",
    "due max ms": "due_max", "CPU µs a message": "cpu_us", "not recorded": "lost",
}
CALM = "nothing wrong"


def run(bench):
    """The table of this part."""
    runs = {}
    for _ in range(bench.rounds):
        for name, cause in {CALM: faults_causes.Nothing, **faults_causes.CAUSES}.items():
            result = _under(bench, name, cause)
            runs.setdefault(name, []).append(result)
            bench.say(
                f"faults: {name}: p50 {result['p50']:.2f}, p99 {result['p99']:.2f}, max {result['max']:.1f} ms"
                f"{result['told']}"
            )
    told = {name: results[-1]["told"] for name, results in runs.items() if results[-1]["told"]}
    rate = RATE // 2 if bench.quick else RATE
    return [
        harness.median_table(
            "The answer to the end of a message, while something is wrong", runs, COLUMNS,
            against=(CALM,), ratio_of="p99",
            notes=[
                "Due: from the moment that the message fell due, so that messages which waited behind others count, too.",
                f"{rate} tracked messages/s over {scale_daemon.OFFERING} connections; the ratio is that of p99.",
                "Not recorded: messages that passed without a lead, since the store did not answer within milter.budget.",
                *faults_causes.NOTES,
                *(f"{name}{what}." for name, what in told.items()),
            ],
        )
    ]


def _under(bench, name, cause):
    """One run with one fault: `cause` gives the daemon's shape, and then disturbs it for as long as it is held."""
    with contextlib.ExitStack() as held:
        disturbance = held.enter_context(cause(bench))
        server = held.enter_context(scale_daemon.daemon(bench, "faults", **disturbance.shape))
        store = server.folder / "store"
        with disturbance.around(server):
            before = scale_daemon.counted(store)
            # A message that passes unrecorded gets no headers; the count of leads tells how many did.
            result = scale_daemon.offered(bench, server, RATE // 2 if bench.quick else RATE, expect_inserts=None)
        leads = scale_daemon.counted(store) - before
    return {**result, "lost": result["messages"] - leads, "told": disturbance.told()}
