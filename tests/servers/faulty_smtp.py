"""A mail server on a port of this machine with the faults of real ones: for tests of sending.

Says its port as a line of JSON, and appends a line to the log for every mail it takes, before it
says so: recipient, sender. Ends with its input; a line of input changes a setting: "refuse yes"
lets nobody in, "relay no" refuses every recipient, "hold 3" takes three mails and keeps the next
ones waiting for their reply until it is set to something else. It is said again once it holds.

What happens to a mail is told by its address:
    unknown…      550 5.1.1 after RCPT
    missing…      550 after RCPT, and why in words only
    blocked…      550 5.1.1 after RCPT, with words that say it is about the sender
    spam…         554 5.7.1 after the mail
    grey…         450 4.2.0 after RCPT, the first time
    …@busy.…      421 4.7.0 after RCPT, the first --busy times
    silent…       takes the mail and hangs up without a reply
"""

import argparse
import asyncio
import collections
import json
import sys
import threading

from aiosmtpd.smtp import SMTP

seen = collections.Counter()
settings = {"refuse": "no", "relay": "yes", "hold": "no"}
taken = 0


class Taking:
    def __init__(self, options, log):
        self.options = options
        self.log = log
        self.mails = 0

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if self.options.per_connection and self.mails >= self.options.per_connection:
            server.transport.write(b"421 4.4.5 that was enough\r\n")
            server.transport.close()
            return "421 4.4.5 that was enough"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if settings["relay"] == "no":
            return "554 5.7.1 relaying denied"
        seen[address] += 1
        if address.startswith("unknown"):
            return f"550 5.1.1 <{address}> is unknown here"
        if address.startswith("missing"):
            return "550 No such user here"
        if address.startswith("blocked"):
            return f"550 5.1.1 <{address}> your IP address is on a blocklist"
        if address.startswith("grey") and seen[address] == 1:
            return f"450 4.2.0 <{address}> come back later"
        if "@busy." in address:
            seen["busy"] += 1
            if seen["busy"] <= self.options.busy:
                return "421 4.7.0 too many mails"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        address = envelope.rcpt_tos[0]
        if address.startswith("spam"):
            return "554 5.7.1 we do not like this"
        if self.options.slow:
            await asyncio.sleep(self.options.slow / 1000)
        global taken
        while settings["hold"] != "no" and taken >= int(settings["hold"]):
            await asyncio.sleep(0.005)
        taken += 1
        self.mails += 1
        self.log.write(f"{address}\t{envelope.mail_from}\n")
        self.log.flush()
        if address.startswith("silent"):
            server.transport.abort()
        return "250 OK"


class Server(SMTP):
    async def _handle_client(self):
        if settings["refuse"] == "yes":
            self.transport.write(b"421 4.3.2 closed for today\r\n")
            self.transport.close()
            return
        await super()._handle_client()


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--log", required=True)
    options.add_argument("--slow", type=int, default=0, help="milliseconds for a mail")
    options.add_argument("--busy", type=int, default=0)
    options.add_argument("--per-connection", type=int, default=0)
    options = options.parse_args()
    log = open(options.log, "a", encoding="utf-8")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Server(Taking(options, log), hostname="mail.test"), "127.0.0.1", 0
    )
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    ended = asyncio.Event()

    def listen():
        for line in sys.stdin:
            name, value = line.split()
            settings[name] = value
            print(json.dumps({name: value}), flush=True)
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen, daemon=True).start()
    await ended.wait()


asyncio.run(main())
