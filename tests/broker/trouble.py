"""Answers that are none, or no: what every question to the broker may meet."""

import json
from typing import Final

from tests.broker.conftest import Talk, reply

EXPIRED = {"stat": "Not_Ok", "emsg": "Session Expired :  Invalid Session Key"}
RATE = "Invalid Input :  Order Recieved 11 in a current second exceeds Limit 10 for user"
HTML = "<html><head><title>502 Bad Gateway</title></head></html>"


def not_ok(message: str) -> dict[str, str]:
    return {"stat": "Not_Ok", "emsg": message}


def lost_replies(good: dict[str, str]) -> dict[str, object]:
    """Return what proves neither yes nor no, by name; `good` is the answer that should have come."""

    def begin_and_reset(talk: Talk) -> None:
        talk.send(reply(good)[:-5])
        talk.reset()

    return {
        "silence": Talk.hang,
        "dripping": lambda talk: talk.drip(reply(good), 0.05),
        "reset": Talk.reset,
        "end": Talk.close,
        "reset amid the answer": begin_and_reset,
        "empty body": reply(""),
        "502 page": reply(HTML, 502),
        "200 page": reply(HTML),
        "429 page": reply(HTML, 429),
        "redirect": reply("", 302, "Location: /elsewhere\r\n"),
        "cut json": reply(json.dumps(good)[:-1]),
        "array": reply([good]),
        "text": reply('"Ok"'),
        "null": reply("null"),
        "deep": reply("[" * 100_000),
        "huge number": reply('{"stat": ' + "9" * 5_000 + "}"),
        "no stat": reply({**good, "stat": None}),
        "odd stat": reply({**good, "stat": "ok"}),
        "no without words": reply({"stat": "Not_Ok"}),
        "no with blank words": reply(not_ok(" ")),
        "no with odd words": reply({"stat": "Not_Ok", "emsg": 5}),
        "server timeout": reply(not_ok("Server Timeout :  "), 400),
        "server timeout under 200": reply(not_ok("Server Timeout :  ")),
        "timed out": reply(not_ok("Request timed out")),
        "no response": reply(not_ok("No response from the order system")),
        "does not respond": reply(not_ok("OMS does not respond")),
        "unavailable": reply(not_ok("Service is temporarily unavailable")),
        "internal error": reply(not_ok("Internal error")),
        "internal server error": reply(not_ok("Internal Server Error")),
        "gateway": reply(not_ok("OMS gateway is switching over, request queued")),
        "connection": reply(not_ok("Connection to the exchange was lost")),
        "disconnected": reply(not_ok("Disconnected from OMS")),
        "unexpected": reply(not_ok("Unexpected failure, try later")),
        "exception": reply(not_ok("Exception in RMS")),
        "no under 500": reply(not_ok("Rejected : something"), 500),
        "no under 503": reply(not_ok("Rejected : something"), 503),
        "no under 408": reply(not_ok("Rejected : something"), 408),
        "no under 202": reply(not_ok("Rejected : something"), 202),
    }


NOT_BARE: Final = (
    "Invalid Input :  Order Recieved 11 in a current second exceeds Limit 10 for user, no data",
    "Order Recieved 121 in a current minute exceeds Limit 120 for user",
    "Invalid Input :  Invalid Exchange",
    "Server Timeout : no data received",
    "Under maintenance, no data is served",
    "There is no data feed for this user",
    'Error Occurred : 5 "no data" : session being restored',
    "no database",
)
"""Words that are no bare "no data": they tell of trouble, and prove nothing absent."""
