"""The daemon under test in shapes that the other parts do not need: on a store that was there before, with more
connections, more addresses, several sinks or another disk.

Given a `Bench` and the shape; gives back a running `Server`, which also knows how many seconds it took to start
(`started_in`). `offered` loads it at a fixed rate; `counted` and `demand_leads` read back what it has recorded, so that
a fast wrong answer is noticed.
"""

import contextlib
import json
import socket
import sqlite3
import subprocess
import time
import urllib.request

import harness
from harness import Failure

# Connections that share an offered rate: enough that it is borne while every answer takes a tenth of a second.
OFFERING = 64

# New header fields of a tracked message: id, channel, substitute, five UTM values, unique, tags, status.
INSERTS = 11

SINK = """
[[sink]]
id = "{id}"
url = "{url}"
secret_file = "{folder}/crm.secret"
concurrency = {concurrency}
timeout = "{timeout}"
"""


def write_config(folder, *, store, channels=1, addresses=1, max_connections=2000, sinks=(), extra=None):
    """Writes config.toml: `sinks` are (id, url, concurrency, timeout), `extra` makes more sections. Gives back its path."""
    text = harness.SECTIONS.format(
        domain=harness.DOMAIN, mailbox=harness.MAILBOX, listen=f"unix:{folder}/sock", folder=folder
    )
    # [milter] ends where [store] begins.
    text = text.replace("[store]", f"max_connections = {max_connections}\n\n[store]")
    text = text.replace(f"sqlite:{folder}/store", f"sqlite:{store}")
    for number in range(channels):
        listed = ", ".join(f'"{harness.recipient(number, each)}"' for each in range(addresses))
        text += harness.CHANNEL.format(number=number, mailbox=harness.MAILBOX, addresses=listed)
    for name, url, concurrency, timeout in sinks:
        text += SINK.format(id=name, url=url, folder=folder, concurrency=concurrency, timeout=timeout)
    text += extra(folder) if extra else ""
    config = folder / "config.toml"
    config.write_text(text, encoding="utf-8")
    return config


def daemon(bench, name, *, store=None, env=None, **shape):
    """Starts the daemon; `shape` is that of `write_config`, with a quiet receiver if it names no sinks."""
    folder = bench.folder(name)
    helpers = []
    if "sinks" not in shape:
        held = Receiver(bench, folder, 503)
        helpers.append(held.server)
        shape["sinks"] = [("crm", held.url, 4, "20s")]
    secret = subprocess.run([bench.leadmilter, "sink", "secret"], capture_output=True, text=True, check=True).stdout
    (folder / "crm.secret").write_text(secret, encoding="ascii")
    (folder / "crm.secret").chmod(0o600)
    config = write_config(folder, store=store or folder / "store", **shape)
    argv = [bench.leadmilter, "--config", config, "run"]
    began = time.monotonic()
    server = harness.start(bench, name, argv, f"unix:{folder}/sock", env=env, folder=folder)
    server.config, server.helpers, server.started_in = config, helpers, time.monotonic() - began
    return server


def end(server):
    """Stops a daemon as its operator would, so that its store is closed in order; `stop` kills."""
    server.process.terminate()
    try:
        server.process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        raise Failure(f"{server.name} did not end within 60 s of SIGTERM; its log: {server.folder / 'log'}") from None
    server.stop()


class Receiver:
    """A webhook receiver with a count."""

    def __init__(self, bench, folder, answer):
        port = harness.free_port()
        argv = [bench.tools / "receiver", "--port", port, "--answer", answer]
        log = folder / f"receiver-{port}.log"
        self.server = harness.start(bench, "receiver", argv, f"inet:127.0.0.1:{port}", log=log, folder=folder)
        self.url = f"http://127.0.0.1:{port}/events"

    def count(self):
        """How many events have come."""
        with urllib.request.urlopen(self.url, timeout=10) as answer:
            told = json.load(answer)
        return told if isinstance(told, int) else told["events"]

    def stop(self):
        self.server.stop(remove=False)


@contextlib.contextmanager
def hanging():
    """A URL that takes connections and requests and never answers: the kernel accepts, and nobody reads."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hanging"


def closed():
    """A URL that refuses every connection."""
    return f"http://127.0.0.1:{harness.free_port()}/closed"


def counted(store):
    """How many leads a store holds; several daemons may have written them."""
    with contextlib.closing(sqlite3.connect(f"file:{store}/leads.db?mode=ro", uri=True)) as opened:
        return opened.execute("SELECT count(*) FROM lead").fetchone()[0]


def demand_leads(name, before, after, result):
    """Every message of the load must be a lead of its own: anything else measures something else."""
    if after - before != result["messages"]:
        raise Failure(f"{name}: {result['messages']} messages made {after - before} leads; see the daemon's log")


def offered(bench, server, rate, **options):
    """Offers so many messages a second, whether earlier ones have been answered or not."""
    options = {
        "connections": OFFERING, "expect_inserts": INSERTS, "rate": rate, **options
    }
    return figures(harness.load(bench, server, **options))


def figures(result):
    """What the tables of these parts show of a run: times are milliseconds from the end of a message to its answer, and
    `due` ones from the moment that a message fell due under an offered rate, so that they tell of messages that waited
    behind others, too."""
    keys = {"p50": "eom_p50", "p99": "eom_p99", "p999": "eom_p999", "max": "eom_max", "due": "message_p99",
            "due_max": "message_max"}
    times = {name: result[key] / 1000 for name, key in keys.items()}
    return {"messages": result["messages"], "rate": result["rate"], "cpu_us": result["cpu_us"], **times}
