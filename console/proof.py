"""How the command line knows its own desk before it gives the token away.

Whoever holds the port may be anybody: another user's program, or one that listens at `::1` beside the desk's own
`127.0.0.1`. So the command line first sends a number that nobody can foresee, and the desk answers with an HMAC of it
and of the address that was connected to, keyed with the token. A program that passes the number on to the real desk
gets an answer for another address.
"""

import hashlib
import hmac
import secrets
from typing import Final

PATH: Final = "/challenge"
NUMBER_CHARACTERS: Final = 64


def new_number() -> str:
    """Return a number that nobody can foresee, as hexadecimal digits."""
    return secrets.token_hex(NUMBER_CHARACTERS // 2)


def proof_of(token: bytes, number: str, host: str, port: int) -> str:
    """Return what only who knows the token can answer at this address."""
    return hmac.new(token, f"shoonya-desk {host} {port} {number}".encode(), hashlib.sha256).hexdigest()


def is_proof(given: object, token: bytes, number: str, host: str, port: int) -> bool:
    """Say whether this is the answer of our own desk."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), proof_of(token, number, host, port).encode())
