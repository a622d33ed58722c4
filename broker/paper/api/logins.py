"""QuickAuth, GenAcsTok and Logout (docs/protocol.md, authentication and session)."""

import hmac
from typing import Final

from broker.paper.api.request import Asked
from broker.paper.api.sessions import sha256
from broker.paper.api.wire import HTTP_BAD, RefusalError, Reply, epoch, ok
from broker.paper.clock import Moment
from broker.paper.engine.venue import Venue

WRONG_PASSWORD: Final = "Invalid Input : Wrong Password"  # noqa: S105  a sentence
WRONG_VENDOR: Final = "Invalid Input :  Invalid Vendor code"
WRONG_APP_KEY: Final = "Invalid Input :  Invalid App Key"
WRONG_CODE: Final = "Invalid Input : Wrong OTP"
WRONG_USER: Final = "Invalid Input : User Not enabled on : API"
WRONG_VERIFIER: Final = "Invalid Input : INVALID_VERIFIER"
MISSING: Final = "Invalid Input :  uid or pwd or factor2 or imei or apkversion or vc or appkey or source is Missing."

_QUICK_AUTH_FIELDS: Final = ("uid", "pwd", "factor2", "imei", "apkversion", "vc", "appkey", "source")
_CODE_DIGITS: Final = 6
_EXCHANGES: Final = ["NSE", "NFO"]
_PRODUCTS: Final = [
    {"prd": "C", "s_prdt_ali": "CNC", "exch": ["NSE"]},
    {"prd": "M", "s_prdt_ali": "NRML", "exch": ["NFO"]},
    {"prd": "I", "s_prdt_ali": "MIS", "exch": ["NSE", "NFO"]},
]


def quick_auth(venue: Venue, asked: Asked) -> Reply:
    """Log in with password and one-time code. Assumption: the text on a wrong code; no capture shows it."""
    fields, settings = asked.fields, venue.settings
    given = {name: fields.get(name) or "" for name in _QUICK_AUTH_FIELDS}
    code = given["factor2"]
    checks = (
        (all(given.values()), MISSING),
        (given["uid"] == settings.user_id, WRONG_USER),
        (hmac.compare_digest(given["pwd"].encode(), sha256(settings.password).encode()), WRONG_PASSWORD),
        (len(code) == _CODE_DIGITS and code.isdigit() and venue.sessions.code_is_right(code, asked.moment), WRONG_CODE),
        (given["vc"] == settings.vendor_code, WRONG_VENDOR),
        (given["appkey"] == sha256(f"{settings.user_id}|{settings.api_secret}"), WRONG_APP_KEY),
    )
    for right, text in checks:
        if not right:
            raise RefusalError(text, HTTP_BAD)
    token = venue.log_in(asked.moment)
    return ok(asked.moment.at, susertoken=token, **_account(venue, asked.moment))


def access_token(venue: Venue, asked: Asked) -> Reply:
    """Change an authorisation code for a token; any code will do, its checksum has to be right."""
    fields, settings = asked.fields, venue.settings
    code, checksum = fields.get("code") or "", fields.get("checksum") or ""
    if not code or checksum != sha256(settings.vendor_code + settings.api_secret + code):
        raise RefusalError(WRONG_VERIFIER, HTTP_BAD)
    token = venue.log_in(asked.moment)
    return ok(
        asked.moment.at,
        access_token=token,
        susertoken=token,
        refresh_token=sha256(f"refresh {token}"),
        expires_in=int(venue.sessions.ends_at(asked.moment).timestamp()),
        USERID=settings.user_id,
        uid=settings.user_id,
        **_account(venue, asked.moment),
    )


def logout(venue: Venue, asked: Asked) -> Reply:
    """End the caller's session; its orders stay."""
    venue.sessions.close(asked.token or "")
    return ok(asked.moment.at)


def _account(venue: Venue, moment: Moment) -> dict[str, object]:
    user = venue.settings.user_id
    return {
        "lastaccesstime": epoch(moment.at),
        "uname": "PAPER TRADER",
        "actid": user,
        "email": "paper@localhost",
        "brkname": "PAPER",
        "brnchid": "HO",
        "exarr": _EXCHANGES,
        "orarr": ["LMT", "SL-LMT"],
        "prarr": _PRODUCTS,
        "values": ["1"],
        "mws": {"1": []},
    }
