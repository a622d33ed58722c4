"""The pages become a site without a warning, and every link between them leads somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.timing import patient

ROOT = Path(__file__).resolve().parents[2]
MADE = {f"reference/{name}.md" for name in ("settings", "commands", "http", "changelog", "contributing")}
"""Pages that exist once the site was built."""
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.relative_to(ROOT / "docs").as_posix() not in MADE),
]
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def _links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [link for link in LINK.findall(text) if "://" not in link and "{" not in link]


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_page_that_is_there(page: Path) -> None:
    for link in _links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        made = target.relative_to(ROOT / "docs").as_posix() in MADE if target.is_relative_to(ROOT / "docs") else False

        assert made or target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def test_every_page_stands_in_the_table_of_contents() -> None:
    docs = ROOT / "docs"
    listed = set()
    for index in (docs / "index.md", docs / "decisions" / "index.md", docs / "reference" / "index.md"):
        for block in re.findall(r"```\{toctree\}\n(.*?)```", index.read_text(encoding="utf-8"), re.DOTALL):
            names = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed |= {(index.parent / f"{name}.md").relative_to(docs).as_posix() for name in names}

    there = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")} | MADE

    assert there - listed == {"index.md"}
    assert listed - there == set()


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="the site is built with the extra `docs`; `make test` installs it")

    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(90),
    )

    assert built.returncode == 0, built.stderr
    html = "".join(page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html"))
    assert "PARTIALLY_FILLED" in html
    assert re.findall(r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//", html) == []
    assert re.findall(r"<link[^>]+rel=\"stylesheet\"[^>]+href=\"(?:https?:)?//", html) == []
