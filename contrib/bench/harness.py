"""What every part of the benchmark shares: starting a filter, loading it, counting its CPU.

Given a `Bench` (folders, rounds, seconds), a part starts servers with `start` or `leadmilter`, drives them with `load`,
and gives back `Table`s, which `median_table` makes of the runs of several rounds; both come from `tables`.
Whatever was started ends with the run: each server has a process group of its own, which is killed on exit.
"""

import atexit
import contextlib
import dataclasses
import itertools
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tables import Table, median_table, ratios, shown, spread  # noqa: F401  (parts take them from here)

TICKS = os.sysconf("SC_CLK_TCK")
START_DEADLINE = 20.0
DOMAIN = "company.example"
MAILBOX = f"info@{DOMAIN}"


class Failure(Exception):
    """Ends the benchmark with one line: what is wrong and what to do."""


@dataclasses.dataclass
class Bench:
    """What a part is given."""

    root: Path  # the repository
    work: Path  # a private folder of this run, removed at its end; the mail server's user may traverse it
    rounds: int  # repetitions
    seconds: float  # length of one measured run
    tools: Path  # the folder with `load` and the opponents
    leadmilter: Path  # the daemon under test
    quick: bool = False
    full: bool = False  # the largest sizes too
    soak: float = 1.0  # minutes of the sustained load

    def say(self, text):
        """One line of progress."""
        print(text, file=sys.stderr, flush=True)

    def folder(self, name):
        """A new empty folder below `work`, so that no run sees what another left."""
        made = self.work / f"{next(_numbers):04d}-{re.sub('[^A-Za-z0-9_.-]', '-', name)[:24]}"
        made.mkdir(mode=0o755)
        return made


_numbers = itertools.count(1)
_running = []


@dataclasses.dataclass
class Server:
    """A running filter or daemon in a process group and a folder of its own."""

    name: str
    address: str  # of the milter socket: "unix:/…" or "inet:127.0.0.1:PORT"
    folder: Path
    process: subprocess.Popen
    helpers: list = dataclasses.field(default_factory=list)  # receivers that end with it
    config: Path = None  # leadmilter's config file
    sink: str = None  # the URL that its events go to

    @property
    def pid(self):
        return self.process.pid

    def cpu(self):
        """Seconds of user and system time so far, over all threads and processes of the group."""
        return sum(_times(pid) for pid in self.group())

    def threads(self):
        """Seconds of user and system time so far, by the names of the server's own threads."""
        spent = {}
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                name = Path(f"/proc/{self.pid}/task/{task}/comm").read_text(encoding="ascii").strip()
                fields = _fields(f"{self.pid}/task/{task}") or []
                spent[name] = spent.get(name, 0) + sum(map(int, fields[11:13])) / TICKS
        return spent

    def group(self):
        """The processes of this server."""
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _group_of(entry) == self.pid]

    def rss(self):
        """Octets in memory now."""
        return self._memory("VmRSS")

    def peak(self):
        """Octets in memory at most, so far."""
        return self._memory("VmHWM")

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        """Sends a signal to the server itself, not to its children."""
        os.kill(self.pid, number)

    def stop(self, remove=True):
        """Ends the server, waits until it is gone, and removes its folder."""
        for helper in self.helpers:
            helper.stop(remove=False)
        _end(self.process)
        if self in _running:
            _running.remove(self)
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _memory(self, key):
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        return int(re.search(rf"^{key}:\s+(\d+) kB", status, re.MULTILINE).group(1)) * 1024


def _fields(pid):
    # The name of the program may hold blanks and brackets: the fields begin behind the last one.
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _group_of(pid):
    fields = _fields(pid)
    return int(fields[2]) if fields else None


def _times(pid):
    # The clock of another process (CPUCLOCK_SCHED in the kernel's clock ids) counts nanoseconds and holds threads that
    # have ended; the ticks of stat would be too coarse for a filter that is idle most of the time.
    try:
        own = time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0  # it has ended
    fields = _fields(pid)
    return own + (sum(map(int, fields[13:15])) / TICKS if fields else 0.0)


def _end(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


@atexit.register
def stop_all():
    """Ends what a part left running."""
    for server in list(_running):
        server.stop()


def unix_or_tcp(address):
    """Splits a milter address into a socket family and what connect() takes."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(":")
    return socket.AF_INET, (host, int(port))


def free_port():
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(bench, name, argv, address, env=None, log=None, folder=None):
    """Starts a filter and waits until its address accepts a connection."""
    folder = folder or bench.folder(name)
    log = Path(log or folder / "log")
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder,
            env={**os.environ, **(env or {})}, start_new_session=True,
        )
    server = Server(name, address, folder, process)
    _running.append(server)
    _wait_for_socket(server, log)
    return server


def _wait_for_socket(server, log):
    # Nothing tells when another program has bound its socket, so connecting is tried until it works or the deadline.
    family, where = unix_or_tcp(server.address)
    deadline = time.monotonic() + START_DEADLINE
    while True:
        with socket.socket(family) as probe:
            try:
                return probe.connect(where)
            except (FileNotFoundError, ConnectionRefusedError) as refused:
                why = refused
        ended = server.process.poll()
        if ended is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace").splitlines()[-5:]
            server.stop()
            state = "did not open its socket in time" if ended is None else f"ended with {ended}"
            raise Failure(f"{server.name} {state} ({why}); its log ends: {' | '.join(tail) or 'empty'}")
        time.sleep(0.005)


SECTIONS = """\
hostname = "mx1.company.example"
domains = ["{domain}"]

[milter]
listen = "{listen}"

[store]
url = "sqlite:{folder}/store"

[[mailbox]]
address = "{mailbox}"
separators = "+"
"""

CHANNEL = """
[[channel]]
id = "channel-{number}"
name = "Channel {number}"
mailbox = "{mailbox}"
addresses = [{addresses}]
utm = {{ source = "outdoor", medium = "offline", campaign = "spring-2026", term = "pump", content = "banner-17" }}
tags = ["offline", "benchmark"]
"""

SINK = """
[[sink]]
id = "crm"
url = "{url}"
secret_file = "{folder}/crm.secret"
"""


def recipient(channel=0, address=0):
    """A substitute address of `leadmilter`'s config: number `address` of channel number `channel`."""
    return f"info+c{channel}a{address}@{DOMAIN}"


def leadmilter(bench, name="leadmilter", *, config_extra="", listen=None, channels=1, addresses=1, sink="held", env=None):
    """Starts the daemon under test on a fresh store.

    Its config has `channels` channels of `addresses` addresses each (see `recipient`), with all UTM values and two tags, so
    that a tracked message gets eleven headers. `listen` is a milter address, by default a UNIX socket. `sink` says what
    becomes of events: "held" is a receiver that asks for a day of silence, so that deliveries are written durably and
    the outbox is quiet; "live" takes them; "dead" is a closed port; "none" is no sink.
    """
    folder = bench.folder(name)
    listen = listen or f"unix:{folder}/sock"
    helpers, url = [], None
    if sink in ("held", "live"):
        receiver, url = _receiver(bench, folder, sink)
        helpers.append(receiver)
    elif sink == "dead":
        url = f"http://127.0.0.1:{free_port()}/dead"
    elif sink != "none":
        raise ValueError(f"sink {sink!r}: held, live, dead or none")
    config = folder / "config.toml"
    config.write_text(_config(folder, listen, channels, addresses, url) + config_extra, encoding="utf-8")
    if url:
        _run([bench.leadmilter, "--config", config, "sink", "secret", "--file", folder / "crm.secret"])
    server = start(bench, name, [bench.leadmilter, "--config", config, "run"], listen, env, folder=folder)
    server.helpers, server.config, server.sink = helpers, config, url
    return server


def _config(folder, listen, channels, addresses, url):
    text = [SECTIONS.format(domain=DOMAIN, mailbox=MAILBOX, listen=listen, folder=folder)]
    for number in range(channels):
        listed = ", ".join(f'"{recipient(number, each)}"' for each in range(addresses))
        text.append(CHANNEL.format(number=number, mailbox=MAILBOX, addresses=listed))
    if url:
        text.append(SINK.format(url=url, folder=folder))
    return "".join(text)


def _receiver(bench, folder, kind):
    port = free_port()
    argv = [bench.tools / "receiver", "--port", port, "--answer", {"held": 503, "live": 204}[kind]]
    receiver = start(bench, f"receiver-{kind}", argv, f"inet:127.0.0.1:{port}", log=folder / "receiver.log", folder=folder)
    return receiver, f"http://127.0.0.1:{port}/events"


def _run(argv):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"{Path(argv[0]).name} {argv[-1]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def load(bench, server, **options):
    """Runs the load generator against a server; gives back its JSON, with `cpu_us`: the server's CPU µs per message.

    Options are those of `load --help`, with _ for -; True stands for an option without a value, None leaves one out.
    Without `seconds` and `messages` a run is as long as the bench says.
    """
    if options.get("seconds") is None and options.get("messages") is None:
        options["seconds"] = bench.seconds
    argv = [str(bench.tools / "load"), "--socket", server.address]
    for key, value in options.items():
        if value is None or value is False:
            continue
        argv.append("--" + key.replace("_", "-"))
        if value is not True:
            argv.append(str(value))
    before = server.cpu()
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    spent = server.cpu() - before
    if done.returncode:
        raise Failure(f"load against {server.name}: {done.stderr.strip() or done.stdout.strip()}")
    result = json.loads(done.stdout)
    result["cpu_us"] = spent * 1e6 / max(result["messages"], 1)
    return result


def sqlite_rows(server, statement):
    """Asks leadmilter's store, read-only, while the daemon runs."""
    with contextlib.closing(sqlite3.connect(f"file:{server.folder}/store/leads.db?mode=ro", uri=True)) as store:
        return store.execute(statement).fetchall()


# --- Additions of the parts go below, each with a comment that names the part. ------------------------------------

