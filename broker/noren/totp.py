"""One-time codes from the secret that the broker showed once (RFC 6238: SHA-1, 30 s, 6 digits)."""

import base64
from datetime import datetime
from typing import Final

import pyotp

_KEY_BYTES_MIN: Final = 20


def code_at(secret: str, moment: datetime) -> str:
    """Return the code of this moment; raise `ValueError` where `secret` is no base32.

    From 2.12 pyotp refuses secrets below 112 bits, and accounts have such. HMAC fills its key up with zero bytes
    itself (RFC 2104), so a secret filled up here makes the same codes.
    """
    text = secret.replace(" ", "").upper()
    key = base64.b32decode(text + "=" * (-len(text) % 8))
    return pyotp.TOTP(base64.b32encode(key.ljust(_KEY_BYTES_MIN, b"\0")).decode()).at(moment)
