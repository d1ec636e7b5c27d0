"""Lets half of what schemathesis makes up through to a site, a lead and days that there are.

Given a body or a query; gives it back with a value that means something in place of a made-up one of the same type, and
with what a row cannot do without: what no schema can say. A stranger's guess never hits them, and all that lies behind would
go untried. What is of a wrong type stays wrong.
"""

import os

import schemathesis

TEXT, COUNT, NUMBER = (str,), (str, int), (str, int, float)

KNOWN = {
    "date": (TEXT, "2026-11-01"),
    "from": (TEXT, "2026-11-01"),
    "to": (TEXT, "2026-11-02"),
    "amount": (NUMBER, "1.50"),
    "currency": (TEXT, "RUB"),
    "provider": (TEXT, "agency"),
    "channel": (TEXT, "newsletter"),
    "campaign_id": (COUNT, "5"),
    "clicks": (COUNT, 3),
    "impressions": (COUNT, 70),
    "vat": (TEXT, "included"),
    "dry_run": (TEXT, "true"),
    "lead_id": (TEXT, os.environ["LEADMILTER_LEAD"]),
    "external_id": (COUNT, "17"),
    "system": (TEXT, "amocrm"),
    "sender": (TEXT, "ivan@client.example"),
    "occurred_at": (TEXT, "2026-11-22T04:26:10Z"),
    "deal_id": (COUNT, "4711"),
}


def meant(row):
    """The same row, with values that mean something."""
    known = {key: value for key, (types, value) in KNOWN.items() if type(row.get(key)) in types}
    return {**row, **known}


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and isinstance(body.get("key"), str) and len(body["key"]) % 2 == 0:
        body["key"] = "company"
    if isinstance(body, list) and len(body) % 2 == 1 and all(isinstance(row, dict) for row in body):
        needed = {"lead_id": KNOWN["lead_id"][1]} if "outcomes" in context.operation.path else {"date": "2026-11-01"}
        return [{**needed, "amount": "1.50", **meant(row)} for row in map(without_period, body)]
    return body


def without_period(row):
    """A row has a day or a period, and not both."""
    return {key: value for key, value in row.items() if key not in ("from", "to") or not isinstance(value, (str, type(None)))}


@schemathesis.hook
def map_query(context, query):
    if not isinstance(query, dict) or "costs" not in context.operation.path or len(query) % 2 == 1:
        return query
    query = meant(query)
    both = {"from": "2026-11-01", "to": "2026-11-02"} if "from" in query or "to" in query else {}
    return {**query, **both}
