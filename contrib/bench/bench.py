#!/usr/bin/env python3
"""Entry of the benchmark: reads the command line, runs the parts one after another, writes their tables.

Started by contrib/bench/run, which has built everything. Progress goes to stderr, tables to stdout, and both tables and
figures to results.json in --out, where each part takes the place of its last run. Ends with 0, with 64 for a wrong
command line, with 69 where a run failed: a figure that was not measured properly is none.
"""

import argparse
import importlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import harness  # noqa: E402  (found through the line above, wherever this is started from)

PARTS = ("milter", "postfix", "scale", "faults", "visits", "reports")
ROUNDS, SECONDS, SOAK = 9, 3.0, 1.0
QUICK_ROUNDS, QUICK_SECONDS, QUICK_SOAK = 2, 0.7, 0.1


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="contrib/bench/run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures leadmilter beside other milters and Postfix without any, on this machine, on loopback.",
        epilog="""\
parts:
  milter    the filter alone, loaded as Postfix would load it, beside filters on libmilter, indymilter, pymilter, OpenDKIM
  postfix   a private Postfix with and without filters
  scale     many addresses, leads, connections, recipients, events; a long time
  faults    the wait for an answer while something is wrong
  visits    ten million addresses of visitors; a storm of new ones beside mail
  reports   a year of a million leads: every preset, the dashboard's first page

examples:
  contrib/bench/run --quick                 everything, in minutes; shows that it works, not how fast it is
  contrib/bench/run milter --rounds 9       one part, as it is published
  contrib/bench/run --write-results         runs nothing: contrib/bench/RESULTS.md from the last run of each part
  contrib/bench/run --check                 a thousand messages through every filter

LEADMILTER=/path/to/leadmilter measures that binary instead of the one built from this folder.""",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all of them by default")
    parser.add_argument("--rounds", type=int, help=f"how often each run is repeated (default {ROUNDS})")
    parser.add_argument("--seconds", type=float, help=f"how long one run takes (default {SECONDS:g})")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS:g} s, smaller sizes")
    parser.add_argument("--full", action="store_true", help="the largest sizes too: a store of ten million leads")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help=f"how long the sustained load goes on (default {SOAK:g})")
    parser.add_argument("--check", action="store_true", help="only check that the benchmark works")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where results go (default: target/bench/results)")
    parser.add_argument("--write-results", action="store_true", help="write contrib/bench/RESULTS.md from results.json")
    parser.error = lambda fault: parser.exit(64, f"{fault}; --help explains the options\n")
    given = parser.parse_args()
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}: choose from {', '.join(PARTS)}")
    given.parts = ["check"] if given.check else given.parts or ([] if given.write_results else list(PARTS))
    given.rounds = given.rounds or (1 if given.check else QUICK_ROUNDS if given.quick else ROUNDS)
    given.seconds = given.seconds or (QUICK_SECONDS if given.quick else SECONDS)
    given.soak = given.soak or (QUICK_SOAK if given.quick else SOAK)
    return given


def target():
    """The folder of build output."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or HERE.parents[1] / "target").resolve()


def machine():
    """What the figures depend on, without naming the machine."""
    models = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    kind = subprocess.run(["stat", "-f", "-c", "%T", target()], capture_output=True, text=True, check=False).stdout.strip()
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "kernel": platform.release().partition("-")[0],
        "file_system": kind,
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "?"),
    }


PACKAGES = ("libmilter1.0.1", "postfix", "opendkim", "python3-milter")


def versions():
    """Of the programs that are measured: ours and Debian's."""
    asked = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES]
    packages = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
    lock = (HERE / "Cargo.lock").read_text(encoding="utf-8")
    library = re.search(r'name = "indymilter"\nversion = "(.+)"', lock)
    ours = re.search(r'^version = "(.+)"', (HERE.parents[1] / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)
    return ", ".join([f"leadmilter {ours[1]}", f"indymilter {library[1]}", *packages])


def run(given, work):
    """Runs the parts; yields each one's name and tables."""
    bench = harness.Bench(
        root=HERE.parents[1], work=work, rounds=given.rounds, seconds=given.seconds, quick=given.quick, full=given.full,
        soak=given.soak, tools=target() / "bench/release",
        leadmilter=Path(os.environ.get("LEADMILTER") or target() / "release/leadmilter").resolve(),
    )
    for needed in (bench.leadmilter, bench.tools / "load"):
        if not needed.is_file():
            raise harness.Failure(f"{needed} is missing: contrib/bench/run builds it, or LEADMILTER names the daemon")
    for part in given.parts:
        bench.say(f"== {part}")
        yield part, importlib.import_module(f"parts.{part}").run(bench)
        harness.stop_all()


def markdown(part, facts, tables):
    """The tables of a part, with what they depend on."""
    lines = [
        f"## {part}", "",
        f"{facts['rounds']} rounds of {facts['seconds']:g} s, {facts['day']}, on {facts['cores']} cores of {facts['cpu']}, "
        f"{facts['memory_gib']} GiB, {facts['system']}, Linux {facts['kernel']}, {facts['file_system']}; {facts['versions']}.", "",
    ]
    return "\n".join(lines + [table.markdown() for table in tables])


def write_results(results):
    """RESULTS.md, from the last run of each part; what was run on another machine stays as it stands there."""
    file = HERE / "RESULTS.md"
    before = re.split(r"^(?=## )", file.read_text(encoding="utf-8"), flags=re.MULTILINE) if file.exists() else []
    text = [
        "# Results", "",
        "Written by `contrib/bench/run --write-results`; README.md says what is measured and how to read it. Figures are",
        "medians over the rounds, with the lowest and highest behind them; a ratio is the median of the ratios within",
        "each round.", "",
    ]
    for part in PARTS:
        if part in results:
            tables = [harness.Table(**table) for table in results[part]["tables"]]
            text.append(markdown(part, results[part]["facts"], tables))
        else:
            text += [section.rstrip("\n") + "\n" for section in before if section.startswith(f"## {part}\n")]
    file.write_text("\n".join(text).rstrip("\n") + "\n", encoding="utf-8")


def main():
    """Runs, and writes what came of it."""
    given = arguments()
    file = (given.out or target() / "bench/results") / "results.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    # On the disk that builds are on, since a temporary folder is often in memory, where fsync costs nothing.
    work = Path(tempfile.mkdtemp(prefix="run-", dir=target() / "bench"))
    work.chmod(0o755)
    day = time.strftime("%d %B %Y", time.gmtime())
    facts = {"rounds": given.rounds, "seconds": given.seconds, "day": day}
    if given.parts:
        facts |= {**machine(), "versions": versions()}
    try:
        for part, tables in run(given, work) if given.parts else ():
            print(markdown(part, facts, tables), flush=True)
            results[part] = {"facts": facts, "tables": [table.as_json() for table in tables]}
            file.write_text(json.dumps(results, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    except harness.Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 69
    finally:
        harness.stop_all()
        shutil.rmtree(work, ignore_errors=True)
    if given.write_results:
        write_results(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
