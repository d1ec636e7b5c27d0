"""Part `reports`: a year of a million leads, and how long whoever asks for a report of it waits.

Given a `Bench`, gives back two tables: each preset over 30 days and over the whole year, first and warm; and the first report of
a store, pages of the dashboard, and memory. Fails where a report takes a second or the dashboard's first page 300 ms,
unless the run is quick. The year is made once and kept in target/bench: it takes minutes and gigabytes.
"""

import contextlib
import datetime
import hashlib
import http.client
import json
import secrets
import shutil
import sqlite3
import statistics
import subprocess
import time
import urllib.parse
from pathlib import Path

import harness
from harness import Failure
from parts import scale_daemon

LETTERS, QUICK_LETTERS = 1_320_000, 20_000  # a million of them are leads that count
SEED = 7
STALE = 7  # days after which the year's end is too far from today for "the last 30 days"

REPORT_LIMIT, PAGE_LIMIT = 1000, 300  # ms
WARM = 5  # times that each report is asked for again

PAGES = ("dashboard's first page", "page of channels, 30 days", "page of channels, a year")
PRESETS = ("channels", "calendar", "heatmap", "senders", "addresses", "models", "funnel")

SECTIONS = """
[milter]
listen = "unix:{listen}"

[http]
admin = "127.0.0.1:{port}"
"""


def run(bench):
    """All tables of this part."""
    year = Year.of(bench)
    return [presets(bench, year), beside(bench, year)]


class Year:
    """A folder with config, key and store of a company that has a year behind it."""

    def __init__(self, folder):
        self.folder = folder
        self.told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
        self.last = datetime.date.fromisoformat(self.told["last"])

    @classmethod
    def of(cls, bench):
        """The one that was made before, or a new one."""
        letters = QUICK_LETTERS if bench.quick else LETTERS
        kept = bench.work.parent / "years" / f"{letters}-{_fingerprint(bench.root)}"
        today = datetime.datetime.now(datetime.timezone.utc).date()
        if (kept / "told.json").is_file():
            year = cls(kept)
            if (today - year.last).days <= STALE:
                return year
        if kept.parent.is_dir():
            shutil.rmtree(kept.parent)
        bench.say(f"reports: making a year of {letters:,} letters")
        made = kept.with_suffix(".part")
        made.mkdir(parents=True)
        beside = bench.leadmilter.parent / "year"
        program = beside if beside.is_file() else bench.tools.parents[1] / "release/year"
        told = json.loads(_said([program, made, letters, SEED, today]))
        (made / "token.key").chmod(0o600)
        (made / "told.json").write_text(json.dumps({**told, "last": str(today)}), encoding="utf-8")
        made.rename(kept)
        return cls(kept)

    def period(self, days):
        """So many days that end with the year."""
        return f"{self.last - datetime.timedelta(days=days - 1)}..{self.last}"

    def forget(self):
        """Lets the next report be the store's first one."""
        for file in (self.folder / "store").glob("reports.db*"):
            file.unlink()

    def command(self, bench, *words, given=""):
        """What `leadmilter` prints."""
        return _said([bench.leadmilter, "--config", self.folder / "config.toml", *words], given)


def _fingerprint(root):
    """Of what makes the year and its store: another one is made where any of it has changed."""
    files = sorted((root / "tests/it/year").glob("*.rs")) + sorted((root / "src/store/sqlite").rglob("*.sql"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _said(words, given=""):
    done = subprocess.run([str(word) for word in words], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"{' '.join(str(word) for word in words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@contextlib.contextmanager
def _daemon(bench, year):
    """A daemon on the year's store, with an open admin door."""
    folder, port = bench.folder("reports"), harness.free_port()
    text = (year.folder / "config.toml").read_text(encoding="utf-8")
    sections = SECTIONS.format(listen=folder / "sock", port=port)
    config = year.folder / "bench.toml"
    config.write_text(text.replace("\n[store]\n", f"{sections}\n[store]\n", 1), encoding="utf-8")
    argv = [bench.leadmilter, "--config", config, "run"]
    # The door opens after the socket.
    server = harness.start(bench, "reports", argv, f"inet:127.0.0.1:{port}", folder=folder)
    server.port = port
    try:
        yield server
    finally:
        # In order, so that the store is as it was for the next one.
        scale_daemon.end(server)


class Door:
    """Requests to the admin door, and the milliseconds that each took."""

    def __init__(self, server, **fields):
        self.server, self.fields = server, fields

    def ask(self, path, method="GET", body=None, **fields):
        """Milliseconds until the whole answer was there, and the answer with its body."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.request(method, path, body, {**self.fields, **fields})
        answer = connection.getresponse()
        answer.whole = answer.read()
        took = (time.perf_counter() - began) * 1000
        connection.close()
        return took, answer

    def good(self, path):
        """The same; only 200 is good, behind any number of redirects, whose time counts."""
        total = 0
        for _ in range(3):
            took, answer = self.ask(path)
            total += took
            if answer.status in (303, 307, 308):
                path = answer.headers["Location"]
                continue
            if answer.status == 200:
                return total, answer
            break
        raise Failure(f"reports: {path} was answered {answer.status}: {answer.whole[:200]!r}; log: {self.server.folder}/log")


def _path(preset, period):
    return "/v1/reports?" + urllib.parse.urlencode({"preset": preset, "period": period})


# What most would write who count from the tables themselves: no touches, no money, no costs.
SQL = """SELECT channel, count(*), sum(series_first_id IS NULL) FROM lead
         WHERE in_series = 1 AND received_at >= ? GROUP BY channel ORDER BY 2 DESC"""


def _in_sql(year, days):
    """Milliseconds that SQLite takes for leads and new senders by channel, the first time and in the median."""
    since = datetime.datetime.combine(year.last - datetime.timedelta(days=days - 1), datetime.time(), datetime.timezone.utc)
    with contextlib.closing(sqlite3.connect(f"file:{year.folder / 'store/leads.db'}?mode=ro", uri=True)) as store:
        took = []
        for _ in range(1 + WARM):
            began = time.perf_counter()
            if not store.execute(SQL, [since.timestamp() * 1000]).fetchall():
                raise Failure("reports: the store has no leads")
            took.append((time.perf_counter() - began) * 1000)
    return took[0], statistics.median(took[1:])


def presets(bench, year):
    """Every preset, by a daemon that was never asked before, and again; and plain SQL, which is asked for less."""
    token = year.command(bench, "token", "new", "--scope", "reports").strip()
    bench.say("reports: the first report of the store")
    year.command(bench, "report", "--period", year.period(30), "--json")
    rows, slow, leads = [], [], None
    for preset in PRESETS:
        row = [preset]
        for days in (30, 365):
            with _daemon(bench, year) as server:
                door = Door(server, Authorization=f"Bearer {token}")
                first, answer = door.good(_path(preset, year.period(days)))
                again = [door.good(_path(preset, year.period(days)))[0] for _ in range(WARM)]
            told = json.loads(answer.whole)
            if not told["rows"]:
                raise Failure(f"reports: {preset} over {days} days has no rows")
            if preset == "channels" and days == 365:
                leads = told["total"]["numbers"]["leads"]
            row += [first, statistics.median(again)]
            worst = max(first, *again)
            if worst >= REPORT_LIMIT:
                slow.append(f"{preset} over {days} days took {worst:.0f} ms")
        bench.say(f"reports: {preset}: 30 days {row[1]:.0f}/{row[2]:.0f} ms, a year {row[3]:.0f}/{row[4]:.0f} ms")
        rows.append(row)
    rows.append(["leads by channel in SQL", *_in_sql(year, 30), *_in_sql(year, 365)])
    if slow and not bench.quick:
        raise Failure(f"reports: {'; '.join(slow)}: {REPORT_LIMIT} ms is the limit")
    notes = [
        f"{leads:,.0f} leads that count, of {year.told['letters']:,} letters; {year.told['visits']:,} visits, "
        f"{year.told['outcomes']:,} outcomes, {year.told['costs']:,} rows of costs.",
        f"Through `GET /v1/reports`, from the connection to the last octet: the first request to a daemon, and the median of {WARM} "
        f"more. The run fails where one takes {REPORT_LIMIT} ms.",
        "In SQL: leads and new senders by channel from the table of leads, by Python's SQLite, without models, money, costs and visits.",
    ]
    columns = ["", "30 days, first, ms", "30 days, warm, ms", "a year, first, ms", "a year, warm, ms"]
    return harness.Table(f"Each preset of a year of {leads:,.0f} leads", columns, rows, notes, {"rows": rows, "leads": leads})


def beside(bench, year):
    """The first report of a store, pages of the dashboard, and memory."""
    token = year.command(bench, "token", "new", "--scope", "reports").strip()
    year.forget()
    began = time.perf_counter()
    year.command(bench, "report", "--period", year.period(1), "--json")
    first_of_store = time.perf_counter() - began
    octets = {name: (year.folder / "store" / name).stat().st_size for name in ("leads.db", "visits.db", "reports.db")}
    with _daemon(bench, year) as server:
        idle = server.peak()
        paths = ("/", "/reports/channels", f"/reports/channels?period={year.period(365)}")
        pages = {path: _page(bench, year, server, path) for path in paths}
        with_pages = server.peak()
    with _daemon(bench, year) as server:
        Door(server, Authorization=f"Bearer {token}").good(_path("channels", year.period(365)))
        one = server.peak()
        for preset in PRESETS:
            Door(server, Authorization=f"Bearer {token}").good(_path(preset, year.period(365)))
        all_presets = server.peak()
    front = pages["/"]
    if max(front) >= PAGE_LIMIT and not bench.quick:
        raise Failure(f"reports: the dashboard's first page took {max(front):.0f} ms: {PAGE_LIMIT} ms is the limit")
    rows = [
        ["first report of the store, s", first_of_store],
        ["letters read for it, a second", year.told["letters"] / first_of_store],
        *[[f"{name}, MB", size / 1e6] for name, size in octets.items()],
        *[
            [f"{name}, {how}, ms", value]
            for name, took in zip(PAGES, pages.values())
            for how, value in (("first", took[0]), ("warm", statistics.median(took[1:])))
        ],
        ["daemon at rest, peak MB", idle / 1e6],
        ["after the year's channels, peak MB", one / 1e6],
        ["after every preset of the year, peak MB", all_presets / 1e6],
        ["after the pages, peak MB", with_pages / 1e6],
    ]
    notes = [
        "The first report of a store reads every lead once, into a file of its own; later ones read what has come since.",
        "Pages as a browser with a session asks for them, redirects included, without style and script. The first page: "
        f"the run fails where it takes {PAGE_LIMIT} ms.",
        "Peaks of the process's memory (VmHWM).",
    ]
    return harness.Table("Beside the reports", ["", "one run"], rows, notes, {"pages": pages, **octets})


def _page(bench, year, server, path):
    """Milliseconds of a page, the first time and some more, for a person who has logged in."""
    name, password = "bench", secrets.token_urlsafe(24)
    known = [json.loads(line)["name"] for line in year.command(bench, "user", "list", "--json").splitlines()]
    if name in known:
        year.command(bench, "user", "remove", name)
    secret = server.folder / "password"
    secret.write_text(password + "\n", encoding="ascii")
    year.command(bench, "user", "add", name, "--role", "viewer", "--password-file", secret)
    form = urllib.parse.urlencode({"name": name, "password": password, "back": "/"})
    fields = {"Origin": f"http://127.0.0.1:{server.port}", "Content-Type": "application/x-www-form-urlencoded"}
    _, answer = Door(server).ask("/login", "POST", form, **fields)
    cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
    if answer.status != 303 or not cookie:
        raise Failure(f"reports: the log-in was answered {answer.status}: {answer.whole[:200]!r}")
    door = Door(server, Cookie=cookie)
    return [door.good(path)[0] for _ in range(1 + WARM)]
