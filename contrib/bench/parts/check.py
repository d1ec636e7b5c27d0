"""Part `check`: whether the benchmark itself works, in seconds: a thousand messages through every filter.

Given a `Bench`, loads leadmilter and each opponent over a UNIX socket and over TCP, and fails if a session breaks, an
answer is malformed or a lead is missing. Its table shows that all did what they are there for; its rates mean nothing.
"""

import harness
from parts import milter
from parts.milter_opponents import OPPONENTS, SLOW

MESSAGES = 1000
OVER_TCP = 20  # some filters stall there for 40 ms or more in every message


def run(bench):
    """One table."""
    runs = {}
    filters = {**OPPONENTS, **SLOW}
    for tcp, messages in ((False, MESSAGES), (True, OVER_TCP)):
        title = "check over TCP" if tcp else "check"
        for name, result in milter.play(bench, 0, title, filters, tcp=tcp, connections=16, messages=messages):
            if result["messages"] != messages:
                raise harness.Failure(f"{name} answered {result['messages']} of {messages} messages")
            runs.setdefault(name, []).append({"TCP" if tcp else "UNIX": result["messages"]})
    return [harness.median_table("Messages that went through", runs, {"UNIX socket": "UNIX", "TCP": "TCP"})]
