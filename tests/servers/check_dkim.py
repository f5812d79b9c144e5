"""Checks the signatures of a mail as a receiving server does.

Reads JSON: the message in base 64, and TXT records by name. Says JSON: for each signature its
algorithm, its domain, the headers it covers, and whether it holds.
"""

import base64
import json
import sys

import dkim

asked = json.load(sys.stdin)
message = base64.b64decode(asked["message"])
records = {name + ".": value.encode() for name, value in asked["records"].items()}


def look_up(name, timeout=5):
    return records.get(name.decode() if isinstance(name, bytes) else name)


checker = dkim.DKIM(message)
count = sum(1 for name, _ in checker.headers if name.lower() == b"dkim-signature")
told = []
for number in range(count):
    checker = dkim.DKIM(message)
    try:
        holds = checker.verify(idx=number, dnsfunc=look_up)
    except dkim.DKIMException as problem:
        holds = False
        print(problem, file=sys.stderr)
    fields = checker.signature_fields or {}
    told.append(
        {
            "algorithm": fields.get(b"a", b"").decode(),
            "domain": (checker.domain or b"").decode(),
            "headers": [name.strip().lower() for name in fields.get(b"h", b"").decode().split(":")],
            "holds": holds,
        }
    )
json.dump(told, sys.stdout)
