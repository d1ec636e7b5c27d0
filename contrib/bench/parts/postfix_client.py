"""The SMTP clients of the part `postfix`: smtp-source(1) for throughput, and a session of our own for latency.

Given a port of the private Postfix and recipients, `flood` sends a number of letters through sixteen sessions with
smtp-source, while a probe notes how long a letter takes, and gives back what was `Sent`. `Session` is one client that
sends letter after letter. All letters are alike: fifteen header fields of 1.6 KB, 4 KB of text, and no Message-ID, so
that Postfix makes one and each letter is a lead of its own.
"""

import dataclasses
import shutil
import socket
import subprocess
import threading
import time

from harness import Failure

SESSIONS = 16
# Three of sixteen are nearest to a fifth; smtp-source has one recipient, so two of them share the sessions.
FIRST_SESSIONS = 3
CLIENT = "client.example"
PROBER = f"prober@{CLIENT}"
# How long a probe rests after each letter: it watches the load and must not become a part of it.
PROBE_REST = 0.02
DEADLINE = 120.0
BODY_OCTETS = 4096

HEADERS = """\
Received: from relay.client.example (relay.client.example [192.0.2.25])
\tby mx.client.example (Postfix) with ESMTPS id 4XyZ0123456789
\tfor <{recipient}>; Thu, 26 Nov 2026 10:00:02 +0300 (MSK)
Received: from [192.0.2.130] (unknown [192.0.2.130])
\tby relay.client.example (Postfix) with ESMTPSA id 4XyZ0987654321;
\tThu, 26 Nov 2026 10:00:01 +0300 (MSK)
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=client.example; s=mail;
\tt=1795676401; h=from:from:reply-to:subject:subject:date:date:message-id:
\tto:to:cc:mime-version:mime-version:content-type:content-type;
\tbh={hash};
{signature}
Authentication-Results: mx.client.example; dkim=pass header.d=client.example;
\tspf=pass smtp.mailfrom={sender}; dmarc=pass header.from=client.example
From: "A. Buyer" <{sender}>
To: <{recipient}>
Subject: =?UTF-8?B?0JfQsNC/0YDQvtGBINGG0LXQvdGLINC90LAg0L3QsNGB0L7RgdGL?=
Date: Thu, 26 Nov 2026 10:00:00 +0300
Reply-To: "A. Buyer" <{sender}>
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.5.0
Content-Language: ru, en
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8; format=flowed
Content-Transfer-Encoding: 7bit
X-Mailer-Info: desktop; build 20261120; profile default
"""


def quantile(values, share):
    """The value that `share` of the values do not exceed; None of no values."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else None


def letter(sender, recipient):
    """The letter, its lines ended by LF."""
    signature = "\n".join(f"\t{'b=' if number == 0 else ''}{'Qx7Zp3Lm' * 8}" for number in range(5))
    head = HEADERS.format(sender=sender, recipient=recipient, hash="c2hhMjU2" * 5 + "ZA==", signature=signature)
    line = "We would like to have a quotation for twelve pumps, delivered in May.\n"
    return head + "\n" + line * (BODY_OCTETS // len(line))


@dataclasses.dataclass
class Sent:
    """What `flood` has sent: letters to each recipient, their rate, and how many ms each of the probe's took."""

    rate: float
    shares: list  # of recipient and number
    probed: list

    @property
    def total(self):
        return sum(number for _, number in self.shares)

    def sent_to(self, recipient):
        return sum(number for each, number in self.shares if each == recipient)


def flood(folder, port, recipients, messages, keep, probe=None):
    """Sends letters through all sessions at once, those to the first of two recipients through three of the sixteen.

    `keep`: a session sends letter after letter; else each letter has a connection of its own. `probe` is the recipient
    of the client that watches meanwhile, None for no such client. `folder` takes the letters as files.
    """
    source = shutil.which("smtp-source", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not source:
        raise Failure("smtp-source is missing: install the package postfix")
    first = round(messages * FIRST_SESSIONS / SESSIONS)
    shares = list(zip(recipients, (first, messages - first)))
    commands = []
    for number, ((recipient, count), sessions) in enumerate(zip(shares, (FIRST_SESSIONS, SESSIONS - FIRST_SESSIONS))):
        sender = f"buyer-{number}@{CLIENT}"
        text = folder / f"letter-{number}"
        text.write_text(letter(sender, recipient), encoding="utf-8")
        options = ["-s", sessions, "-m", count, "-M", CLIENT, "-f", sender, "-t", recipient, "-F", text]
        commands.append([source, *map(str, options), *(["-d"] if keep else []), f"127.0.0.1:{port}"])
    with _Probe(port, probe, keep) as watching:
        begun = time.monotonic()
        running = [_started(command) for command in commands]
        try:
            complaints = [each.communicate(timeout=DEADLINE)[1].strip() for each in running]
        except subprocess.TimeoutExpired:
            raise Failure(f"smtp-source sent no {messages} letters in {DEADLINE:.0f} s: is the host busy?") from None
        finally:
            for each in running:
                each.kill()
                each.wait()
        seconds = time.monotonic() - begun
    for each, complaint in zip(running, complaints):
        if each.returncode or complaint:
            raise Failure(f"smtp-source ended with {each.returncode}: {complaint or 'nothing said'}")
    return Sent(messages / seconds, [*shares, (probe, len(watching.took))], watching.took)


def _started(command):
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


class _Probe:
    """A client that sends a letter now and then while the load runs; `took` says how many ms each of them took."""

    def __init__(self, port, recipient, keep):
        self.took = []
        self._port, self._recipient, self._keep = port, recipient, keep
        self._over = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        if self._recipient:
            self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._over.set()
        if self._recipient:
            self._thread.join()
        if self._failure and kind is None:
            raise self._failure

    def _run(self):
        try:
            if self._keep:
                with Session(self._port) as session:
                    self._watch(lambda: session.send(self._recipient, PROBER))
            else:
                self._watch(self._connect_and_send)
        except (Failure, OSError) as failure:
            self._failure = failure

    def _watch(self, send):
        while not self._over.wait(PROBE_REST):
            self.took.append(send())

    def _connect_and_send(self):
        began = time.monotonic()
        with Session(self._port) as session:
            session.send(self._recipient, PROBER)
        return (time.monotonic() - began) * 1000


class Session:
    """One SMTP session that sends letter after letter, each command answered before the next, as smtp-source does."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer(b"220")
        self._say(f"HELO {CLIENT}\r\n".encode(), b"250")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        # No goodbye where something broke: its answer would be missing, too, and hide what happened.
        with self._socket:
            if kind is None:
                self._say(b"QUIT\r\n", b"221")

    def send(self, recipient, sender):
        """Sends one letter; gives back the ms from MAIL to the last answer."""
        text = letter(sender, recipient).replace("\n", "\r\n").encode() + b".\r\n"
        began = time.monotonic()
        self._say(f"MAIL FROM:<{sender}>\r\n".encode(), b"250")
        self._say(f"RCPT TO:<{recipient}>\r\n".encode(), b"250")
        self._say(b"DATA\r\n", b"354")
        self._say(text, b"250")
        return (time.monotonic() - began) * 1000

    def _say(self, line, expected):
        self._socket.sendall(line)
        self._answer(expected)

    def _answer(self, expected):
        got = b""
        while not got.endswith(b"\r\n"):
            more = self._socket.recv(4096)
            if not more:
                raise Failure("Postfix closed an SMTP session; its log is the place to look")
            got += more
        if not got.startswith(expected):
            raise Failure(f"Postfix answered {got.decode(errors='replace').strip()} where {expected.decode()} was due")
