"""The reference says what the code has: every setting with its meaning, every command, every request of the API."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from console.cli.app import app
from docs.reference_pages import commands_page, described_api, http_page, settings_of, settings_page, tables, unit_of
from domain.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "decisions").glob("*.md")])
SETTINGS = [(title, name, meaning) for title, _, model, _ in tables() for name, _, meaning in settings_of(model)]


def test_every_table_of_the_settings_has_its_place() -> None:
    sections = {name for name, field in Settings.model_fields.items() if isinstance(field.default, BaseModel)}

    assert {f"`[{name}]`" for name in sections} <= {title for title, *_ in tables()}
    assert len(SETTINGS) > 100


@pytest.mark.parametrize(("title", "name", "meaning"), SETTINGS)
def test_every_setting_has_a_meaning(title: str, name: str, meaning: str) -> None:
    assert meaning.endswith("."), f"{name} of {title}: say below the field what it is for"


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("poll_interval_s", "seconds"),
        ("retry_s_max", "seconds"),
        ("break_s_min", "seconds"),
        ("busy_timeout_ms", "milliseconds"),
        ("square_off_before_close_min", "minutes"),
        ("price_collar_percent", "percent"),
        ("daily_loss_max", "rupees"),
        ("breaks_seen_min", ""),
        ("orders_per_second_max", ""),
    ],
)
def test_a_unit_is_read_from_the_name(name: str, unit: str) -> None:
    assert unit_of(name) == unit


def test_a_setting_is_shown_with_its_variable_default_unit_bounds_and_meaning() -> None:
    (row,) = [line for line in settings_page().splitlines() if line.startswith("| `price_age_s_max`")]

    assert "`DESK_STOPS__PRICE_AGE_S_MAX`" in row
    assert "| number | `15.0` | seconds | at least 6 and at most 3600 | A price" in row


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_a_page_names_is_there(page: Path) -> None:
    known = {f"{title.strip('`[]')}.{name}" for title, name, _ in SETTINGS}
    sections = {name.partition(".")[0] for name in known}
    files = {"toml", "py", "md", "db", "json", "log"}

    named = re.findall(r"`(\w+\.\w+)(?: = [^`]*)?`", page.read_text(encoding="utf-8"))
    missing = {name for name in named if name.partition(".")[0] in sections and name.partition(".")[2] not in files}

    assert missing <= known


def test_no_secret_is_shown_as_more_than_a_name() -> None:
    assert "| text (secret) | none |" in settings_page()
    assert "SecretStr" not in settings_page()


def test_every_command_says_how_it_is_used() -> None:
    names = set(app.commands)

    assert set(re.findall(r"^## (.+)$", commands_page(), re.MULTILINE)) == names
    assert commands_page().count("Usage: shoonya-desk ") == len(names)


def test_every_request_of_the_api_is_described() -> None:
    described = described_api()
    page = http_page(described)

    for path, ways in described["paths"].items():
        for method in ways:
            assert f"## {method.upper()} {path}\n" in page
    assert "| `quantity` | integer" in page


def test_a_body_that_is_a_model_is_described_field_by_field() -> None:
    """However the API comes to describe itself: a reference into its components is followed."""
    order = {
        "type": "object",
        "title": "Order",
        "required": ["price"],
        "properties": {"price": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "In rupees."}},
    }
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
    described = {
        "paths": {
            "/orders": {
                "post": {
                    "summary": "Send",
                    "requestBody": {"content": content},
                    "responses": {"200": {"description": "Accepted", "content": content}},
                }
            }
        },
        "components": {"schemas": {"Order": order}},
    }

    page = http_page(described)

    assert "| `price` | string | yes | In rupees. |" in page
    assert "| 200 | Accepted | [Order](#order) |" in page
    assert "## Order\n" in page
