"""Has libraries that are not ours judge requests: a JSON list of them on standard input, a list of verdicts on standard
output.

    judge.py signatures    is it genuine? ask standardwebhooks and svix
    judge.py events        which event is it? ask cloudevents
"""

import json
import sys
from datetime import datetime, timezone

import standardwebhooks.webhooks
import svix.webhooks
from cloudevents.core.bindings import http


def signatures(case):
    verdicts = {}
    for name, library in [("standardwebhooks", standardwebhooks.webhooks), ("svix", svix.webhooks)]:
        try:
            library.Webhook(case["secret"]).verify(case["body"].encode(), case["headers"])
            verdicts[name] = "genuine"
        except library.WebhookVerificationError as error:
            verdicts[name] = str(error)
    return verdicts


def events(case):
    event = http.from_http_event(http.HTTPMessage(headers=case["headers"], body=case["body"].encode()))
    attributes = {name: plain(value) for name, value in event.get_attributes().items()}
    return {"attributes": attributes, "data": event.get_data()}


def plain(value):
    """A time as our events spell it; anything else as it is."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


JUDGES = {"signatures": signatures, "events": events}

if __name__ == "__main__":
    judge = JUDGES[sys.argv[1]]
    json.dump([judge(case) for case in json.load(sys.stdin)], sys.stdout)
