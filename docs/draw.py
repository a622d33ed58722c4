"""Draws the pictures of docs/architecture.md from the code: the life of an order, and the flow of messages.

`make draw` rewrites them; a test compares them, so that the page can't say anything else than the code does.
"""

import ast
import re
import types
from collections import Counter
from pathlib import Path
from typing import Final, Union, get_args, get_origin

import actors.messages.inboxes
from actors.runtime.mailboxes import Mailboxes
from domain.orders.lifecycle import LATE_TRUTHS, TERMINAL, TRANSITIONS, Event, State

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "architecture.md"
OUTSIDE: Final = {"desk.py": "Desk", "wiring.py": "Wiring", "strategy.py": "Strategy"}
"""Senders that are no actor of the six steps."""


def life_of_an_order() -> str:
    """Return the states and what leads from one to the next; late truths are dashed in words."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> CREATED: register"]
    for tables, mark in ((TRANSITIONS, ""), (LATE_TRUTHS, " (late)")):
        for state, moves in tables.items():
            for target in State:
                events = [event for event in Event if moves.get(event) is target and target is not state]
                if events:
                    lines.append(f"    {state} --> {target}: {', '.join(events)}{mark}")
    lines += [f"    {state} --> [*]" for state in State if state in TERMINAL]
    return "\n".join([*lines, "```"])


def inboxes() -> dict[str, frozenset[str]]:
    """Return each inbox's messages, by the actor's name."""
    found = {}
    for name, value in vars(actors.messages.inboxes).items():
        if name.endswith("Inbox"):
            kinds = get_args(value) if get_origin(value) in {Union, types.UnionType} else (value,)
            found[name.removesuffix("Inbox")] = frozenset(kind.__name__ for kind in kinds)
    return found


def sent_by(path: Path) -> frozenset[str]:
    """Return the names of the messages that a module makes."""
    known = frozenset().union(*inboxes().values())
    calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    return frozenset(call.func.id for call in calls if isinstance(call.func, ast.Name) and call.func.id in known)


def senders() -> dict[Path, str]:
    """Return the modules that are a sender by themselves, and what the picture calls it."""
    named = {path: _sender(path) for path in sorted((ROOT / "actors").rglob("*.py"))}
    known = {"AnyActor", *OUTSIDE.values(), *inboxes()}
    return {path: name for path, name in named.items() if name in known}


def _sender(path: Path) -> str:
    """Return what the picture calls a module: an actor with a room of its own by the room's name."""
    if path.parent.name == "runtime":
        return "AnyActor" if path.stem == "actor" else ""
    return OUTSIDE.get(path.name, (path.parent.name if path.name == "actor.py" else path.stem).capitalize())


def parts_of(sender: Path) -> frozenset[Path]:
    """Return a sender's module with its helpers: what it imports from the actors' room that is no sender itself."""
    found, waiting = {sender}, [sender]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("actors."):
                helper = (ROOT / str(node.module).replace(".", "/")).with_suffix(".py")
                if helper not in found and helper not in senders():
                    found.add(helper)
                    waiting.append(helper)
    return frozenset(found)


def shared() -> frozenset[str]:
    """Return the facts that stand in several inboxes."""
    count = Counter(name for inbox in inboxes().values() for name in inbox)
    return frozenset(name for name, homes in count.items() if homes > 1)


def tells(sender: str, part: Path, receiver: str) -> bool:
    """Say whether a sender's module tells this receiver anything; strategies are told by who heard `JoinStrategy`."""
    mailbox = receiver.lower()
    if mailbox not in Mailboxes.__dataclass_fields__:
        return "JoinStrategy" in inboxes().get(sender, ())
    return re.search(rf"(?:post\([\w.]*|: mail\.)_?{mailbox}\b", part.read_text(encoding="utf-8")) is not None


def flow_of_messages() -> str:
    """Return who tells whom what: a sender or its helper makes a message, and the message stands in an inbox.

    A fact that stands in several is told to those whom the module that makes it tells, and never by one to itself.
    """
    lines = ["```mermaid", "flowchart LR"]
    for path, sender in senders().items():
        made = [(part, sent_by(part)) for part in parts_of(path)]
        for receiver, inbox in inboxes().items():
            facts = shared() & inbox
            told = set().union(*(names & inbox for _, names in made)) - facts
            if sender != receiver:
                told |= set().union(*(names & facts for part, names in made if tells(sender, part, receiver)))
            if told:
                lines.append(f'    {sender} -->|"{"<br/>".join(sorted(told))}"| {receiver}')
    return "\n".join([*lines, "```"])


def life_as_a_table() -> str:
    """Return the same moves as rows: a state, the events that it knows, and the state after each."""
    lines = ["| state | event | state after |", "|---|---|---|"]
    for tables, mark in ((TRANSITIONS, ""), (LATE_TRUTHS, " (late)")):
        for state, moves in tables.items():
            lines += [f"| {state} | {event}{mark} | {to} |" for event, to in moves.items() if to is not state]
    return "\n".join(lines)


def flow_as_a_table() -> str:
    """Return the same flow as rows: who tells whom what."""
    found = re.findall(r"    (\w+) -->\|\"(.*)\"\| (\w+)", flow_of_messages())
    rows = [f"| {sender} | {receiver} | {told.replace('<br/>', ', ')} |" for sender, told, receiver in found]
    return "\n".join(["| from | to | messages |", "|---|---|---|", *rows])


TABLES: Final = {"life-of-an-order": life_as_a_table, "flow-of-messages": flow_as_a_table}
"""For the site, which draws nothing."""
PICTURES: Final = {"life-of-an-order": life_of_an_order, "flow-of-messages": flow_of_messages}


def drawn(text: str) -> str:
    """Return the page with every picture as the code has it now."""
    for name, draw in PICTURES.items():
        frame = re.compile(rf"(<!-- drawn: {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        assert frame.search(text), f"the page has no frame for {name}"
        text = frame.sub(lambda found, draw=draw: found[1] + draw() + found[2], text)  # type: ignore[misc]
    return text


def main() -> None:
    """Rewrite the page's pictures."""
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
