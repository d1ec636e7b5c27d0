"""Lets half of what schemathesis makes up through to a site that there is.

Given a body; gives it back, with the key of the tests' site where the made-up one has an even length. A stranger's guess never
hits a key, and all that lies behind it would go untried.
"""

import schemathesis


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and isinstance(body.get("key"), str) and len(body["key"]) % 2 == 0:
        body["key"] = "company"
    return body
