"""How the pages become a site: `make docs`. Everything is local: no font, script or picture comes from elsewhere."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from docs.draw import TABLES
from docs.reference_pages import write

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Shoonya Desk"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "Shoonya Desk"
html_show_copyright = False
html_copy_source = False
myst_heading_anchors = 3
exclude_patterns: list[str] = []


def _copy(link: re.Match[str]) -> str:
    return f"](/reference/{link[1].lower()}.md"


def show_tables(app: "Sphinx", docname: str, source: list[str]) -> None:
    """Show each drawing as a table: a code host draws the page's own text, which takes a script from elsewhere.

    Links to what stands beside docs/ lead to its copy.
    """
    del app, docname
    source[0] = re.sub(r"\]\((?:\.\./)+(CHANGELOG|CONTRIBUTING)\.md", _copy, source[0])
    for name, table in TABLES.items():
        frame = re.compile(rf"<!-- drawn: {name} -->\n.*?\n<!-- end -->", re.DOTALL)
        source[0] = frame.sub(lambda _, table=table: table(), source[0])  # type: ignore[misc]


def setup(app: "Sphinx") -> None:
    """Write the reference from the code, and let the pages be read with their tables."""
    write()
    app.connect("source-read", show_tables)
