#!/usr/bin/env python3
"""Receives lead events from leadmilter, checks that they are genuine, and prints them.

A pattern to copy into your own application: everything a receiver must do is in
`verify`, `Journal` and `Receiver.do_POST`. Needs nothing but Python 3.9.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 300  # seconds that the clocks of both hosts may differ
LONGEST_BODY = 1024 * 1024


def read_secrets(path):
    """One secret a line; two while they are being changed."""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.startswith("whsec_")]
    secrets = [base64.b64decode(line.removeprefix("whsec_")) for line in lines]
    if not secrets:
        sys.exit(f"{path} holds no line that begins with whsec_")
    return secrets


def verify(secrets, headers, body, now):
    """The event's id if the body is genuine and fresh, else None (Standard Webhooks 1.0.0)."""
    event_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    # A full stop in either would let parts of what is signed change their places.
    if not re.fullmatch("[0-9A-Za-z_-]{1,64}", event_id) or not re.fullmatch("[0-9]{1,12}", timestamp):
        return None
    if abs(now - int(timestamp)) > TOLERANCE:
        return None
    # The bytes as they came: JSON that was parsed and printed again has another signature.
    signed = f"{event_id}.{timestamp}.".encode() + body
    for given in headers.get("webhook-signature", "").split():
        for secret in secrets:
            digest = hmac.new(secret, signed, hashlib.sha256).digest()
            expected = "v1," + base64.b64encode(digest).decode()
            # Takes equally long however much of the signature is right.
            if hmac.compare_digest(expected.encode(), given.encode()):
                return event_id
    return None


class Journal:
    """Knows which events came already, and writes each to a file if there is one. A table with a unique key does the
    same in an application with a database."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.file = open(path, "a+b", buffering=0) if path else None
        self.length = 0
        self.seen = set()
        if self.file:
            self.file.seek(0)
            for line in self.file.read().splitlines(keepends=True):
                if line.endswith(b"\n"):
                    self.seen.add(json.loads(line)["id"])
                    self.length += len(line)
            self.cut()

    def cut(self):
        """Removes half a line that a power cut or a full disk left: its event was not answered, and comes again."""
        self.file.truncate(self.length)

    def add(self, event_id, event):
        """Keeps the event; true if it came before."""
        with self.lock:
            duplicate = event_id in self.seen
            if self.file:
                entry = {"id": event_id, "duplicate": duplicate, "event": event}
                line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
                if self.file.write(line) < len(line):
                    self.cut()
                    raise OSError("the disk is full")
                os.fsync(self.file.fileno())
                self.length += len(line)
            self.seen.add(event_id)
            return duplicate


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not re.fullmatch("[0-9]{1,12}", length) or int(length) > LONGEST_BODY:
            self.close_connection = True
            return self.answer(413 if length else 411)
        body = self.rfile.read(int(length))
        event_id = verify(self.server.secrets, self.headers, body, int(time.time()))
        if event_id is None:
            return self.answer(401)
        event = json.loads(body)
        # Keep first, answer then: what was answered with 2xx is never sent again.
        duplicate = self.server.journal.add(event_id, event)
        # With `format = "cloudevents-binary"` the type is no part of the body.
        kind = self.headers.get("ce-type") or event["type"]
        note = " (came before)" if duplicate else ""
        print(f"{kind} {event_id}{note}\n{json.dumps(event, ensure_ascii=False, indent=2)}", flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format, *args):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8899, help="0: any that is free")
    parser.add_argument("--secret-file", required=True, help="the sink's secret_file")
    parser.add_argument("--out", help="append events to this file, one JSON object a line")
    options = parser.parse_args()

    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    server = ThreadingHTTPServer((options.host, options.port), Receiver)
    server.secrets = read_secrets(options.secret_file)
    server.journal = Journal(options.out)
    print(f"listening on http://{options.host}:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
