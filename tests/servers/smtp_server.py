"""A mail server on a free port of this machine that keeps nothing: for tests.

Says its port as a line of JSON, and then one line for every mail it takes. Ends with its input.
"""

import argparse
import asyncio
import base64
import json
import logging
import ssl
import sys
import threading
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# What goes wrong on purpose is no news.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")


def say(**what):
    print(json.dumps(what), flush=True)


class Taking:
    def __init__(self, refuse):
        self.refuse = refuse

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address in self.refuse:
            return "550 5.7.1 not from " + address
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuse:
            return "550 5.1.1 no such mailbox " + address
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        say(
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            message=base64.b64encode(envelope.original_content).decode(),
            tls=server.transport.get_extra_info("ssl_object") is not None,
            user=session.auth_data.login.decode() if session.auth_data else None,
        )
        return "250 OK"


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    options.add_argument("--certificate")
    options.add_argument("--key")
    options.add_argument("--user")
    options.add_argument("--password")
    options.add_argument("--refuse", action="append", default=[])
    options = options.parse_args()

    context = None
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)

    def check(server, session, envelope, mechanism, data):
        right = isinstance(data, LoginPassword) and (
            data.login.decode(),
            data.password.decode(),
        ) == (options.user, options.password)
        return AuthResult(success=right, handled=False, auth_data=data)

    def connection():
        return SMTP(
            Taking(options.refuse),
            hostname="mail.test",
            tls_context=context if options.tls == "starttls" else None,
            require_starttls=options.tls == "starttls",
            authenticator=check if options.user else None,
            auth_required=bool(options.user),
            auth_require_tls=False,
        )

    server = await asyncio.get_running_loop().create_server(
        connection,
        "127.0.0.1",
        0,
        ssl=context if options.tls == "implicit" else None,
    )
    say(port=server.sockets[0].getsockname()[1])
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait_for_end():
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    await ended.wait()


asyncio.run(main())
