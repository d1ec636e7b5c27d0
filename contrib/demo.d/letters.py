"""Sends the letters of contrib/demo, shows what became of them, and compares that with letters.json.

Given: `send`, `show` or `check`, and the demo's folder with facts, mail/, events.jsonl and, for check, leads.jsonl.
Does what a mail client and a reader would, and no more. `check` compares whole values and exits with 1 if any differs.
"""

import datetime
import difflib
import email.header
import email.parser
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 60  # seconds; letters and events take less than one


def main():
    action, demo = sys.argv[1], pathlib.Path(sys.argv[2])
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    entries = json.loads((HERE / "letters.json").read_text(encoding="utf-8"))
    {"send": send, "show": show, "check": check}[action](demo, entries)


def send(demo, entries):
    facts = dict(line.split("=", 1) for line in (demo / "facts").read_text().splitlines())
    for entry in entries:
        print(f"{entry['letter'] + '.eml':15} {entry['form']}: to {entry['recipient']}", flush=True)
        path = letter_file(entry)
        if entry.get("by") == "sendmail":
            private = HERE.parent / "postfix" / "private"
            with path.open("rb") as letter:
                subprocess.run([private, "run", demo, "sendmail", "-t", "-f", entry["sender"]], stdin=letter, check=True)
        else:
            command = ["swaks", "--silent", "2", "--server", f"127.0.0.1:{facts['port']}", "--helo", "client.example"]
            command += ["--from", entry["sender"], "--to", entry["recipient"], "--data", f"@{path}"]
            subprocess.run(command, check=True)
    wait_for("every letter in its Maildir", lambda: len(delivered(demo)) >= len(entries))
    tracked = sum(entry["headers"] is not None for entry in entries)
    wait_for(f"{tracked} events at the receiver", lambda: len(events(demo)) >= tracked)


def wait_for(what, holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"after {PATIENCE} seconds still without {what}")
        time.sleep(0.05)


def letter_file(entry):
    return HERE / "letters" / f"{entry['letter']}.eml"


def parse(path):
    return email.parser.BytesParser().parsebytes(path.read_bytes())


def delivered(demo):
    """Letters in all Maildirs; a letter delivered twice is there twice."""
    return [parse(path) for path in sorted(demo.glob("mail/*/new/*"))]


def copies(demo, entry):
    sent = parse(letter_file(entry))["Message-ID"]
    return [mail for mail in delivered(demo) if mail["Message-ID"] == sent]


def events(demo):
    """What the receiver found genuine, once each, in order of arrival."""
    path = demo / "events.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    return [entry["event"] for entry in found if not entry["duplicate"]]


def lead_headers(mail):
    """Attribution headers as they stand in a letter, in whatever case a forger wrote them."""
    return [(name, str(value)) for name, value in mail.raw_items() if name.lower().startswith("x-lead-")]


def decoded(value):
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value)
    return str(email.header.make_header(email.header.decode_header(unfolded)))


def show(demo, entries):
    for entry in entries:
        print(f"\n== {entry['letter']}.eml ({entry['form']}), as it was delivered")
        forged = lead_headers(parse(letter_file(entry)))
        if forged:
            print("it came with forged headers: " + ", ".join(name for name, _ in forged))
        for mail in copies(demo, entry):
            for name, value in lead_headers(mail):
                print(f"{name}: {value}" + (f"\n    that is: {decoded(value)}" if "=?" in value else ""))
            if not lead_headers(mail):
                print("no attribution headers")
    received = events(demo)
    print(f"\n== {len(received)} events came to the receiver, their signatures verified; that of cyrillic.eml:")
    for event in received:
        if event["data"]["message"]["message_id"] == "<cyrillic@zavod.example>":
            print(json.dumps(event, ensure_ascii=False, indent=2))


def check(demo, entries):
    faults = []
    received = {event["id"]: event for event in events(demo)}
    expected_events, first_leads = [], {}
    for entry in entries:
        mails = copies(demo, entry)
        faults += differences(f"copies of {entry['letter']}.eml", 1, len(mails))
        for mail in mails[:1]:
            lead_id = mail["X-Lead-Id"]
            found = sorted([name, decoded(value)] for name, value in lead_headers(mail))
            wanted = dict(entry["headers"] or {})
            if entry["headers"] is not None:
                wanted["X-Lead-Id"] = lead_id if is_lead_id(lead_id) else "a UUID of version 7"
            faults += differences(f"headers of {entry['letter']}.eml", sorted(map(list, wanted.items())), found)
            if entry["headers"] is not None and lead_id in received:
                event = expected_event(entry, mail, first_leads, received[lead_id])
                first_leads[entry["letter"]] = event["data"]
                faults += differences(f"event of {entry['letter']}.eml", event, received[lead_id])
                faults += clock_faults(entry, received[lead_id])
                expected_events.append(event)
    tracked = [entry["letter"] for entry in entries if entry["headers"] is not None]
    faults += differences("number of events", len(tracked), len(received))
    faults += differences("number of tracked letters with an event", len(tracked), len(expected_events))
    # Events may arrive in any order; their numbers tell the order in which the letters came.
    numbers = [event["sequence"] for event in expected_events]
    faults += differences("order of events", sorted(set(numbers)), numbers)
    listed = [json.loads(line) for line in (demo / "leads.jsonl").read_text(encoding="utf-8").splitlines()]
    faults += differences("leads --json", [event["data"] for event in reversed(expected_events)], listed)
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(entries)} letters, {len(tracked)} leads, {len(received)} signed events: all as it must be")


def differences(what, expected, found):
    if expected == found:
        return []
    texts = [json.dumps(value, ensure_ascii=False, indent=1).splitlines() for value in (expected, found)]
    return [f"{what} differ:", *difflib.unified_diff(*texts, "expected", "found", lineterm="", n=2), ""]


def is_lead_id(text):
    try:
        return uuid.UUID(text).version == 7
    except (TypeError, ValueError):
        return False


def clock_faults(entry, event):
    """Times cannot be known beforehand, but they are of the last minutes, written in UTC with milliseconds."""
    faults = []
    for key in ("time", "recordedtime"):
        if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event[key]):
            age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(event[key])
            if datetime.timedelta() <= age < datetime.timedelta(minutes=10):
                continue
        faults.append(f"event of {entry['letter']}.eml: {key} is {event[key]}")
    return faults


def expected_event(entry, mail, first_leads, found):
    """The whole event of a letter. From the found one come only its times and number, which are checked apart."""
    headers, at = entry["headers"], found["time"]
    substitute, channel = headers["X-Lead-Substitute"], headers["X-Lead-Channel"]
    utm = {name: headers.get(f"X-Lead-UTM-{name.title()}") for name in ("source", "medium", "campaign", "term", "content")}
    first = first_leads.get(entry.get("repeat_of"))
    queue_id = re.search(r"\sid (\w+);?\s", mail.get_all("Received")[0])[1]
    data = {
        "lead_id": mail["X-Lead-Id"],
        "kind": "lead",
        "kind_reason": None,
        "in_thread_of": None,
        "received_at": at,
        "test": False,
        "repeat": {
            "unique": first is None,
            "count": 1 if first is None else 2,
            "basis": "sender",
            "window_days": None,
            "first_lead_id": first and first["lead_id"],
            "first_received_at": first and first["received_at"],
        },
        "sender": {
            "address": entry["sender"],
            "name": entry["name"],
            "domain": entry["sender"].split("@")[1],
            "address_sha256": hashlib.sha256(entry["sender"].encode()).hexdigest(),
            "envelope_from": entry["sender"],
            "auth": None,
        },
        "recipient": {
            "substitute": substitute,
            "real": "info@company.ru",
            "kind": "static",
            "pattern": entry["pattern"],
            "token": None,
        },
        "message": {
            "message_id": mail["Message-ID"],
            "subject": entry["subject"],
            "date": entry["date"],
            "size": None,
            "attachments": None,
            "auto_submitted": False,
            "in_reply_to": None,
            "snippet": None,
        },
        "channel": {"id": channel, "name": entry["channel"]},
        "attribution": {
            "status": "channel",
            "confidence": "exact",
            "age_seconds": None,
            "touches": [
                {"at": at, "substitute": substitute, "channel": channel, **utm, "landing_page": None, "referrer": None}
            ],
            **utm,
            "campaign_id": None,
            "landing_page": None,
            "page": None,
            "referrer": None,
            "visit_at": None,
            "issued_at": None,
            "click_ids": {},
            "client_ids": {},
            "consent": None,
            "custom": {},
        },
        "tags": [headers["X-Lead-Tags"]] if "X-Lead-Tags" in headers else [],
        "value": None,
        "mta": {"host": "mx1.company.ru", "queue_id": queue_id},
    }
    return {
        "specversion": "1.0",
        "id": mail["X-Lead-Id"],
        "source": "//mx1.company.ru/leadmilter",
        "type": "lead.received",
        "subject": substitute,
        "time": at,
        "timestamp": at,
        "recordedtime": found["recordedtime"],
        "sequence": found["sequence"],
        "partitionkey": channel,
        "datacontenttype": "application/json",
        "dataschema": "urn:leadmilter:schema:lead.received:1",
        "data": data,
    }


main()
