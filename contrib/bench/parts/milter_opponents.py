"""The filters that leadmilter is measured beside, and how each is started.

`OPPONENTS` maps a name to a function that is given a `Bench` and whether to listen on TCP, and gives back a `Server`.
libmilter and its kin spell a TCP address inet:PORT@HOST; everything else here spells it inet:HOST:PORT.
"""

import os
import pwd

import harness

DEBIANS_PYTHON = "/usr/bin/python3"  # the one that the package python3-milter installs for


def _address(folder, tcp):
    return f"inet:127.0.0.1:{harness.free_port()}" if tcp else f"unix:{folder}/sock"


def libmilters_spelling(address):
    """unix:PATH as it is, inet:HOST:PORT as inet:PORT@HOST."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        return address
    host, _, port = rest.rpartition(":")
    return f"inet:{port}@{host}"


def _program(name, *more, libmilter=True):
    """A built program that takes its address as its first word."""

    def start(bench, tcp):
        folder = bench.folder(name)
        address = _address(folder, tcp)
        spelled = libmilters_spelling(address) if libmilter else address
        return harness.start(bench, name, [bench.tools / name, spelled, *more], address, folder=folder)

    return start


def _pymilter(bench, tcp):
    folder = bench.folder("noop_pymilter")
    address = _address(folder, tcp)
    script = bench.root / "contrib/bench/opponents/noop_pymilter.py"
    argv = [DEBIANS_PYTHON, script, libmilters_spelling(address)]
    return harness.start(bench, "noop_pymilter", argv, address, folder=folder)


def _opendkim(bench, tcp):
    folder = bench.folder("opendkim")
    address = _address(folder, tcp)
    beside = bench.root / "contrib/bench/opponents"
    text = (beside / "opendkim.conf").read_text(encoding="utf-8")
    values = {
        "SOCKET": libmilters_spelling(address).replace("unix:", "local:"),
        "USER": pwd.getpwuid(os.getuid()).pw_name,
        "KEYS": str(folder / "keys"),
    }
    for word, value in values.items():
        text = text.replace(f"@{word}@", value)
    # A copy: OpenDKIM refuses a file that others may have written, and looks at every folder above it.
    (folder / "keys").write_text((beside / "opendkim.keys").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "conf").write_text(text, encoding="utf-8")
    return harness.start(bench, "opendkim", ["/usr/sbin/opendkim", "-f", "-x", folder / "conf"], address, folder=folder)


OPPONENTS = {
    "noop_usual": _program("noop_usual"),
    "noop_lean": _program("noop_lean"),
    "headers8": _program("headers8"),
    "fsync_line": _program("fsync_line"),
    "noop_indymilter": _program("noop_indymilter", libmilter=False),
    "noop_indymilter, 2 workers": _program("noop_indymilter", "--workers", "2", libmilter=False),
    "floor_epoll, headers": _program("floor_epoll", "headers"),
    "floor_epoll": _program("floor_epoll"),
}

# Over TCP, a filter that does not answer DATA stalls: the same without that stall.
TCP_ONLY = {"noop_lean, answers DATA": _program("noop_lean", "data")}

# Far behind, and the same at any number of connections: measured once, to save time.
SLOW = {"noop_pymilter": _pymilter, "opendkim": _opendkim}
