"""Part `visits`: addresses for visitors, when there are ten million of them, and when many are asked for at once.

Given a `Bench`, gives back three tables: a store of many visits and what a look-up, a forgery and a slip cost there; how
many addresses a second the public door makes; and how long mail waits for its answer while it does, beside the same mail
without.
"""

import contextlib
import json
import re
import sqlite3
import subprocess
import threading
from pathlib import Path

import harness
from harness import Failure
from parts import scale_daemon

HERE = Path(__file__).resolve().parents[1]
RATE = 500  # messages a second beside the storm
STORMING = 32  # connections of the storm

SECTIONS = """
[dynamic]
mailbox = "{mailbox}"
key_file = "{folder}/token.key"

[http]
public = "127.0.0.1:{port}"
rate = 1000000

[[site]]
key = "bench"
origins = ["https://company.example"]
budget = 1000000
"""


def run(bench):
    """All tables of this part."""
    return [many(bench), minting(bench), beside_mail(bench)]


def many(bench):
    """A store of many visits, made and asked by a program of its own."""
    count = 20_000 if bench.quick else 10_000_000
    folder = bench.folder("visits")
    config = _config(folder, harness.free_port())
    bench.say(f"visits: a store of {count:,} visits")
    done = subprocess.run([bench.tools.parents[1] / "release/visits", config, str(count)], capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"visits {config} {count}: {done.stderr.strip()}")
    told = json.loads(done.stdout)
    for name in ("guesses_that_name_a_visit", "slips_that_name_a_visit"):
        if told[name]:
            raise Failure(f"visits: {told[name]} {name}")
    rows = [
        ["visits", told["visits"]],
        ["MB on disk", told["octets"] / 1e6],
        ["octets a visit", told["octets"] / told["visits"]],
        ["kept one by one, 256 at a time, a second", told["kept_per_second"]],
        ["look-up itself, 256 waiting at a time, mean µs", told["lookup_own_us"]],
        ["look-up by a letter, p50 µs", told["lookup_p50_us"]],
        ["look-up by a letter, p99 µs", told["lookup_p99_us"]],
        ["look-up by a letter, p99.9 µs", told["lookup_p999_us"]],
        ["forged address resolved, µs", told["guess_us"]],
        ["random tokens tried", told["guesses"]],
        ["of them past the check (1 in 65,536 to be expected)", told["guesses_past_the_check"]],
        ["of them a visit", told["guesses_that_name_a_visit"]],
        ["slips of one symbol in 1,000 live tokens", told["slips"]],
        ["of them past the check", told["slips_past_the_check"]],
        ["of them a visit", told["slips_that_name_a_visit"]],
    ]
    notes = [
        "A look-up by a letter is hand-over to the reading thread, row, touchpoint, the visitor's other visits, and back. The "
        "system's cache of files holds as much of the store as fits into memory.",
        "A forged address is parsed beforehand and resolved without the store; the most of it is FF1.",
    ]
    return harness.Table(f"{count:,} addresses issued", ["", "one run"], rows, notes, told)


def minting(bench):
    """The public door under as many pages as can ask."""
    runs = {}
    for _ in range(bench.rounds):
        with _daemon(bench) as server:
            before = _issued(server)
            storm = Storm(server)
            told = storm.ended()
            made = _issued(server) - before
            if made < told["requests"]:
                raise Failure(f"visits: {told['requests']} answers made {made} visits; see {server.folder}/log")
            runs.setdefault("POST /v1/visit", []).append({**told, "rate": told["rate"]})
            bench.say(f"visits: {told['rate']:,.0f} addresses/s")
    columns = {"addresses/s": "rate", "p50 ms": "p50", "p99 ms": "p99"}
    return harness.median_table(
        "Addresses made through HTTP", runs, columns,
        notes=[f"{STORMING} connections, each request a new visitor from an advertisement; every visit was kept."],
    )


def beside_mail(bench):
    """Mail at a steady rate, alone and while pages ask for as many addresses as they can get."""
    runs = {}
    for _ in range(bench.rounds):
        for name, stormy in {"mail alone": False, "mail beside a storm": True}.items():
            with _daemon(bench) as server:
                storm = Storm(server, bench.seconds + 3) if stormy else None
                rate = RATE // 2 if bench.quick else RATE
                result = scale_daemon.offered(bench, server, rate)
                scale_daemon.demand_leads(name, 0, scale_daemon.counted(server.folder / "store"), result)
                made = storm.ended()["rate"] if storm else None
            runs.setdefault(name, []).append({**result, "made": made})
            bench.say(f"visits: {name}: p50 {result['p50']:.2f}, p99 {result['p99']:.2f} ms")
    columns = {
        "messages/s": "rate", "p50 ms": "p50", "p99 ms": "p99", "max ms": "max", "due p99 ms": "due", "addresses/s": "made",
    }
    return harness.median_table(
        "Mail beside a storm on the public door", runs, columns, against=("mail alone",), ratio_of="p99",
        notes=[
            f"{RATE} tracked messages/s over {scale_daemon.OFFERING} connections; the ratio is that of p99. Load generators, "
            "daemon and disk share the cores of the machine.",
            "Due: from the moment that the message fell due, so that messages which waited behind others count, too.",
        ],
    )


class Storm:
    """Pages that ask for new addresses as fast as they are answered."""

    def __init__(self, server, seconds=3.0):
        self.told = None
        argv = ["wrk", "-t1", f"-c{STORMING}", f"-d{max(1, round(seconds))}s", "--latency", "-s", HERE / "visit.lua",
                f"http://127.0.0.1:{server.port}"]
        self.process = subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reading = threading.Thread(target=self._read)
        self.reading.start()

    def _read(self):
        self.told = self.process.communicate()[0]

    def ended(self):
        """What it has seen, once it is over."""
        self.reading.join()
        # wrk prints a line of refused answers only where there were some.
        if self.process.returncode or "Non-2xx" in self.told or "Socket errors" in self.told:
            raise Failure(f"visits: the storm was not answered well:\n{self.told}")
        time = lambda share: _milliseconds(re.search(rf"^\s+{share}%\s+(\S+)$", self.told, re.MULTILINE)[1])
        return {
            "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", self.told)[1]),
            "requests": int(re.search(r"(\d+) requests in", self.told)[1]), "p50": time(50), "p99": time(99),
        }


def _milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _sections(folder, port):
    (folder / "token.key").write_text("0f" * 32 + "\n", encoding="ascii")
    (folder / "token.key").chmod(0o600)
    return SECTIONS.format(mailbox=harness.MAILBOX, folder=folder, port=port)


def _config(folder, port):
    """A config for the program that fills and asks."""
    text = harness.SECTIONS.format(
        domain=harness.DOMAIN, mailbox=harness.MAILBOX, listen=f"unix:{folder}/sock", folder=folder
    )
    config = folder / "visits.toml"
    config.write_text(text + _sections(folder, port), encoding="utf-8")
    return config


@contextlib.contextmanager
def _daemon(bench):
    port = harness.free_port()
    with scale_daemon.daemon(bench, "visits", extra=lambda folder: _sections(folder, port)) as server:
        server.port = port
        yield server


def _issued(server):
    with contextlib.closing(sqlite3.connect(f"file:{server.folder}/store/visits.db?mode=ro", uri=True)) as opened:
        return opened.execute("SELECT count(*) FROM visit").fetchone()[0]
