"""The Postfix that the part `postfix` measures: private, on loopback, its queue in memory, one port for each filter.

Given the addresses of the filters, `Postfix` starts `contrib/postfix/private` and opens an smtpd(8) for each of them,
so that all stand behind the same Postfix and no run waits for processes to start. Gives back the ports, the CPU time
that its processes have used, and `settle`, which waits until all is delivered and looks for complaints in the log.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness import TICKS, Failure, free_port

MEMORY = Path("/dev/shm")
DEADLINE = 60.0

OPTIONS = {
    # Delivery costs nothing, but for the letters that prove what a filter did, which come into a Maildir.
    "virtual_transport": "discard:",
    # As it would be at home. Without it a letter has no Message-ID, since the clients are treated as strangers.
    "always_add_missing_headers": "yes",
    # Enough processes for every session, and none that ends in the middle of a run and is started anew.
    "default_process_limit": "200",
    "max_use": "1000000",
    "max_idle": "3600s",
    # Postfix's own brakes, which would even out what filters cost.
    "in_flow_delay": "0",
    # A filter that fails is an error here, and must not look like a fast one.
    "milter_default_action": "tempfail",
}

COMPLAINTS = ("warning:", "error:", "fatal:", "panic:", "reject:", "status=deferred", "status=bounced")
# At the turn of a second; Postfix compares two clocks of the kernel that are not read at the same time.
HARMLESS = "file system clock is"


class Postfix:
    """A private Postfix with an smtpd for each filter; a context manager that ends it."""

    def __init__(self, bench, filters, recipients, proof):
        """`filters` maps a name to a milter address, None for no filter; `proof` is a recipient with a Maildir."""
        if os.geteuid():
            raise Failure("the part postfix needs root, because Postfix does: run it as root, or in a container")
        self._script = bench.root / "contrib/postfix/private"
        # In memory, where the fsync of a queue file costs nothing: Postfix is then as fast as it can be, and a filter
        # weighs the most.
        self.folder = Path(tempfile.mkdtemp(prefix="leadmilter-bench-", dir=MEMORY if MEMORY.is_dir() else bench.work))
        self.folder.chmod(0o755)
        atexit.register(self.stop)
        options = {**OPTIONS, "transport_maps": f"inline:{{{proof}=virtual:}}"}
        words = [word for each in [*recipients, proof] for word in ("--mailbox", each)]
        words += [word for name, value in options.items() for word in ("--option", f"{name}={value}")]
        facts = self._private("start", "--milter", "none", *words)
        self._facts = dict(line.split("=", 1) for line in facts.splitlines())
        self.queue = Path(self._facts["queue"])
        self.log = Path(self._facts["log"])
        self.proofs = Path(self._facts["mail"]) / proof / "new"
        self.master = int(self._facts["pid"])
        self.ports = self._open(filters)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends Postfix and removes its folder; once is enough."""
        if self.folder.exists():
            self._private("stop")
            shutil.rmtree(self.folder)
        atexit.unregister(self.stop)

    def cpu(self):
        """Seconds of CPU of all its processes so far; those that ended count with the master, who waited for them."""
        fields = [_stat(entry) for entry in os.listdir("/proc") if entry.isdigit()]
        of_children = sum(sum(map(int, each[11:13])) for each in fields if each and int(each[1]) == self.master)
        return (of_children + sum(map(int, _stat(self.master)[11:15]))) / TICKS

    def settle(self):
        """Waits until every letter is delivered, then empties the log; any complaint in it is an error."""
        deadline = time.monotonic() + DEADLINE
        while any(self._waiting("incoming")) or any(self._waiting("active")):
            if time.monotonic() > deadline:
                raise Failure(f"Postfix has not delivered its queue within {DEADLINE:.0f} s: is the host busy?")
            time.sleep(0.01)
        text = self.log.read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            if any(word in line for word in COMPLAINTS) and HARMLESS not in line:
                raise Failure(f"Postfix complains: {line}")
        # It would outgrow the memory that it is kept in. Postfix appends, so emptying it is safe.
        os.truncate(self.log, 0)

    def proved(self):
        """The next letter for the proof's recipient, as it was delivered."""
        deadline = time.monotonic() + DEADLINE
        while True:
            for letter in self.proofs.glob("*") if self.proofs.is_dir() else ():
                text = letter.read_text(encoding="utf-8", errors="replace")
                letter.unlink()
                return text
            if time.monotonic() > deadline:
                raise Failure(f"the letter that proves the filter's work was not delivered within {DEADLINE:.0f} s")
            time.sleep(0.01)

    def _waiting(self, queue):
        return (entry for entry in os.scandir(self.queue / queue) if entry.is_file())

    def _open(self, filters):
        ports = {}
        # The one without a filter comes last: the master opens them in this order, and an smtpd of any other would look
        # for its filter as soon as somebody connects.
        for name in sorted(filters, key=lambda name: filters[name] is None):
            ports[name] = free_port()
            if len(set(ports.values())) < len(ports):
                raise Failure("the kernel gave the same port twice: run this part again")
        # Outside the chroot, where a filter's socket may lie in any folder.
        service = "127.0.0.1:{} inet n - n - - smtpd -o smtpd_milters={}\n"
        lines = [service.format(port, filters[name] or "") for name, port in ports.items()]
        master = Path(self._facts["config"]) / "master.cf"
        with master.open("a", encoding="ascii") as out:
            out.writelines(lines)
        # Postfix puts off the use of a file that is younger than two seconds.
        os.utime(master, (time.time() - 60,) * 2)
        os.kill(self.master, signal.SIGHUP)
        _wait_for_greeting(list(ports.values())[-1])
        return ports

    def _private(self, verb, *words):
        done = subprocess.run([self._script, verb, self.folder, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure((done.stderr.strip() or f"private {verb} ended with {done.returncode}").splitlines()[-1])
        return done.stdout


def _stat(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name of the program may hold blanks and brackets: the fields begin behind the last one.
    return text.rpartition(")")[2].split()


def _wait_for_greeting(port):
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
                if client.recv(512).startswith(b"220 "):
                    client.sendall(b"QUIT\r\n")
                    client.recv(512)
                    return
        except ConnectionRefusedError:
            pass
        if time.monotonic() > deadline:
            raise Failure(f"Postfix does not answer on port {port}: another program may have taken it")
        time.sleep(0.01)
