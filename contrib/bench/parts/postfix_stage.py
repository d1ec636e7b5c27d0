"""One run of the part `postfix`: a filter behind Postfix, letters sent through it, the proof that the work was done.

`Stage` starts the private Postfix with every filter behind it. `Stage.run`, given a `Case` and what sends the letters,
gives back the result with the CPU per letter of filter and Postfix. A run counts only if Postfix has delivered every
letter without a complaint, and leadmilter has put its headers into one and recorded one lead for each tracked letter.
"""

import dataclasses
import json
import os
import subprocess

from harness import DOMAIN, MAILBOX, Failure, free_port, leadmilter, recipient, start
from parts.postfix_client import PROBER, SESSIONS, Session, flood
from parts.postfix_house import Postfix

TRACKED = recipient(0, 0)
# Tracked as well, and delivered to a Maildir: what the filter did to a letter is looked up there.
PROOF = recipient(0, 1)
# Postfix delivers to it as to the tracked one; leadmilter does not know it.
FOREIGN = f"ivan@{DOMAIN}"
NOTHING = "no milter"

# What stands behind Postfix: the program, with what it is told beside its address, and the kind of its socket.
FILTERS = {
    NOTHING: (None, None),
    "noop_usual unix": ("noop_usual", "unix"),
    "noop_lean unix": ("noop_lean", "unix"),
    "headers8 unix": ("headers8", "unix"),
    "floor_epoll unix": ("floor_epoll", "unix"),
    "floor_epoll recipients unix": ("floor_epoll recipients", "unix"),
    "noop_indymilter unix": ("noop_indymilter --accept-data", "unix"),
    "leadmilter unix": ("leadmilter", "unix"),
    "noop_usual tcp": ("noop_usual", "inet"),
    "noop_lean tcp": ("noop_lean", "inet"),
    "headers8 tcp": ("headers8", "inet"),
    "leadmilter tcp": ("leadmilter", "inet"),
}

# Id, channel, substitute, five UTM values, unique, tags and status.
HEADERS = 11
# So many letters make Postfix start its processes, and fill its caches, before the clock runs.
WARM_UP = 4 * SESSIONS
CALIBRATION = 500


@dataclasses.dataclass(frozen=True)
class Case:
    """A row of a table: a filter, and who gets the letters of the first three and of the other sessions."""

    name: str
    filter: str  # a key of FILTERS
    recipients: tuple = (TRACKED, TRACKED)
    # Whether leadmilter's store lies in memory: what it costs beside the disk.
    in_memory: bool = False

    @property
    def is_ours(self):
        return FILTERS[self.filter][0] == "leadmilter"


class Stage:
    """Postfix and the filters; a context manager. The opponents run throughout, leadmilter afresh in each run."""

    def __init__(self, bench):
        self.bench = bench
        self._sockets = bench.folder("sockets")
        self._letters = bench.folder("letters")
        self._addresses = {name: self._address(name, kind) for name, (_, kind) in FILTERS.items()}
        self._opponents = {}
        self._lengths = {}
        self._postfix = None

    def __enter__(self):
        try:
            for name, (program, kind) in FILTERS.items():
                if program and program != "leadmilter":
                    self._opponents[name] = self._opponent(name, program, kind)
            self._postfix = Postfix(self.bench, self._addresses, [TRACKED, FOREIGN, MAILBOX], PROOF)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in self._opponents.values():
            server.stop()
        if self._postfix:
            self._postfix.stop()

    def length(self, keep):
        """How many letters a run has, the same for every case: what Postfix alone takes in the time of one run."""
        if keep not in self._lengths:
            rate = flood(self._letters, self._postfix.ports[NOTHING], (FOREIGN, FOREIGN), CALIBRATION, keep).rate
            self._postfix.settle()
            self._lengths[keep] = max(int(rate * self.bench.seconds), WARM_UP)
        return self._lengths[keep]

    def run(self, case, send):
        """Runs a case. `send(folder, port)` sends letters from a folder for their files, and gives back how many were
        tracked, how many there were, and the result as a dict, to which CPU per letter is added."""
        postfix, port = self._postfix, self._postfix.ports[case.filter]
        server = self._filter(case)
        try:
            idle = server.cpu() if server else 0.0
            warm = flood(self._letters, port, case.recipients, WARM_UP, keep=True)
            if case.is_ours:
                self._prove(port)
            postfix.settle()
            before = postfix.cpu(), server.cpu() if server else 0.0
            tracked, sent, result = send(self._letters, port)
            postfix.settle()
            after = postfix.cpu(), server.cpu() if server else 0.0
            result["postfix_us"] = (after[0] - before[0]) * 1e6 / sent
            result["cpu_us"] = (after[1] - before[1]) * 1e6 / sent if server else None
            if case.is_ours:
                self._count(server, case, tracked + warm.sent_to(TRACKED) + 1)
            elif server and after[1] == idle:
                raise Failure(f"{case.name} used no CPU: Postfix seems to pass it by")
            return result
        finally:
            if case.is_ours:
                server.stop()

    def _address(self, name, kind):
        if kind == "unix":
            return f"unix:{self._sockets}/{name.replace(' ', '-')}"
        return kind and f"inet:127.0.0.1:{free_port()}"

    def _opponent(self, name, program, kind):
        address = self._addresses[name]
        # libmilter writes inet:PORT@HOST.
        spelled = address if kind == "unix" else "inet:{2}@{1}".format(*address.split(":"))
        file, *more = program.split()
        server = start(self.bench, name.replace(" ", "-"), [self.bench.tools / file, spelled, *more], address)
        _let_postfix_in(address)
        return server

    def _filter(self, case):
        if not case.is_ours:
            return self._opponents.get(case.filter)
        bench = dataclasses.replace(self.bench, work=self._postfix.folder) if case.in_memory else self.bench
        server = leadmilter(bench, listen=self._addresses[case.filter], addresses=2)
        _let_postfix_in(server.address)
        return server

    def _prove(self, port):
        """Sends one letter that is delivered to a Maildir, and counts the headers that it has there."""
        with Session(port) as session:
            session.send(PROOF, PROBER)
        head = self._postfix.proved().partition("\n\n")[0]
        names = [line.partition(":")[0] for line in head.splitlines() if line.lower().startswith("x-lead-")]
        if len(names) != HEADERS:
            raise Failure(f"a tracked letter has {len(names)} X-Lead headers instead of {HEADERS}: {', '.join(names)}")

    def _count(self, server, case, expected):
        argv = [self.bench.leadmilter, "--config", server.config, "leads", "--json", "--limit", str(expected + 1000)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"leadmilter leads: {done.stderr.strip()}")
        leads = [json.loads(line) for line in done.stdout.splitlines()]
        # A Message-ID that came twice would be one lead, and the cheap way to record it.
        letters = {lead["message"]["message_id"] for lead in leads}
        if not len(leads) == len(letters) == expected:
            log = (server.folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
            # The sink that takes no events is meant to be so.
            troubles = [line for line in log if (" WARN " in line or " ERROR " in line) and "sink" not in line]
            raise Failure(
                f"{case.name}: of {expected} tracked letters, {len(leads)} leads with {len(letters)} Message-IDs were "
                f"recorded; its log says: {troubles[0] if troubles else 'nothing about it'}"
            )


def _let_postfix_in(address):
    # Mode and group of a filter's socket are not what is measured.
    kind, _, path = address.partition(":")
    if kind == "unix":
        os.chmod(path, 0o666)
