"""The book: Sphinx with MyST, notebooks executed in the build."""

from __future__ import annotations

import re
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

project = "eμsym"
author = "The eμsym developers"
project_copyright = "2026, The eμsym developers"
release = installed("emusym")
version = release

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
]
root_doc = "index"
exclude_patterns = ["_build"]
source_suffix = {".md": "myst-nb"}
suppress_warnings = ["myst.header"]

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_execution_in_temp = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
# No page has pages below it: an empty sidebar would only make the code narrower.
html_sidebars: dict[str, list[str]] = {"**": []}
html_title = "eμsym"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
}


def plain_signs(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape what docstrings mean as it stands, |η| and (*bins), and reST takes for markup."""
    in_math = False
    for i, line in enumerate(lines):
        if line.strip().startswith(".. math::"):
            in_math = True
        elif line.strip() and not line.startswith(" "):
            in_math = False
        if not in_math:
            parts = re.split(r"(``[^`]*``|`[^`]*`)", line)
            parts[::2] = [re.sub(r"\||\*(?=\w)(?!\w[^*]*\w\*)", r"\\\g<0>", x) for x in parts[::2]]
            lines[i] = "".join(parts)


def texts_beside(app: Any, name: str, source: list[str]) -> None:
    """Make files of what a link leads to that is text of the repository, and no page of this."""
    folder = Path(app.env.doc2path(name)).parent

    def of_link(link: re.Match[str]) -> str:
        beside = (folder / link[1]).resolve()
        here = beside.is_relative_to(Path(app.srcdir).resolve())
        return link[0] if here or not beside.exists() else f"](path:{link[1]})"

    source[0] = re.sub(r"\]\((\.\./[^)#]+\.md)\)", of_link, source[0])


def setup(app: Any) -> None:
    """Let Sphinx have docstrings as they are meant."""
    app.connect("source-read", texts_beside)
    app.connect("autodoc-process-docstring", plain_signs, priority=900)
