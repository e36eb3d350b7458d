"""The template environment. One template writes one file and reads like it; arithmetic is done in the values it is given."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


def pascal(name: str) -> str:
    """`conv1_dwc` -> `Conv1Dwc`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def thousands(number: int) -> str:
    """56448 -> 56,448."""
    return f"{number:,}"


@cache
def _environment(folder: Path) -> jinja2.Environment:
    import jinja2  # here, since a build in which nothing is to do needs no template

    environment = jinja2.Environment(
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),  # C++ and Tcl are not HTML
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(pascal=pascal, thousands=thousands)
    return environment


def render(folder: Path, template: str, **values: object) -> str:
    """The text of `<folder>/<template>` over these values; an undefined name raises."""
    return _environment(folder).get_template(template).render(values)
