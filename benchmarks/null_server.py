"""A Noren server that answers at once and keeps nothing: what is measured against it is the client's side alone."""

import json
import socket
import sys
import threading
from typing import Final

_OK: Final = {"stat": "Ok", "request_time": "10:48:03 23-11-2026"}
_SHARE: Final = {"exch": "NSE", "token": "2885", "tsym": "RELIANCE-EQ", "pp": "2", "ls": "1", "ti": "0.10"}
_ANSWERS: Final[dict[str, object]] = {
    "QuickAuth": {**_OK, "susertoken": "null", "actid": "NULL"},
    "Limits": {**_OK, "cash": "1000000.00"},
    "SearchScrip": {**_OK, "values": [{**_SHARE, "instname": "EQ"}]},
    "GetSecurityInfo": {**_OK, **_SHARE, "instname": "EQ", "uc": "2000.00", "lc": "1000.00", "frzqty": "100000"},
    "GetQuotes": {**_OK, **_SHARE, "lp": "1500.00"},
}
_NO_DATA: Final = {"stat": "Not_Ok", "request_time": "10:48:03 23-11-2026", "emsg": 'Error Occurred : 5 "no data"'}


def _reply(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


def _serve(connection: socket.socket) -> None:
    """Answer every request of one connection; order numbers count up within it."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    fixed = {route: _reply(json.dumps(answer).encode()) for route, answer in _ANSWERS.items()}
    nothing = _reply(json.dumps(_NO_DATA).encode())
    number = 26_112_300_000_000
    received = b""
    with connection:
        while chunk := connection.recv(65_536):
            received += chunk
            head, end, rest = received.partition(b"\r\n\r\n")
            if not end:
                continue
            at = head.lower().index(b"content-length:") + len(b"content-length:")
            length = int(head[at:].split(b"\r\n", 1)[0])
            if len(rest) < length:
                continue
            received = rest[length:]
            route = head.split(b" ", 2)[1].rsplit(b"/", 1)[-1].decode()
            if route == "PlaceOrder":
                number += 1
                answer = b'{"request_time":"10:48:03 23-11-2026","stat":"Ok","norenordno":"%d"}' % number
                connection.sendall(_reply(answer))
            else:
                connection.sendall(fixed.get(route, nothing))


def main() -> None:
    """Listen on a free loopback port, print it, and answer until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
