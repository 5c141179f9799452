"""Looks at a server again and again."""

from __future__ import annotations

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from matcher.domain.errors import InvalidValueError, UnavailableError
from server.cli.top_figures import Figures, Section
from server.telemetry.scrape import Scrape, read_scrape

# Characters that the widest rows take.
_COLUMN = 58


def print_once(url: str, tenant: str | None = None) -> None:
    """
    Print what a server has done since its start.

    Raises
    ------
    InvalidValueError, UnavailableError
        As :func:`server.telemetry.scrape.read_scrape` does, and if the server has no
        figures of the tenant.
    """
    figures = Figures(read_scrape(url, time.time()), None, tenant)
    known = figures.tenants()
    if tenant is not None and tenant not in known:
        accepted = ", ".join(known) or "none: the server decides for no tenant now"
        raise InvalidValueError("tenant", tenant, accepted)
    # For scripts: a width that does not depend on who looks.
    console = Console(width=100, highlight=False, markup=False)
    console.print(figures.headline())
    for section in figures.sections():
        console.print(f"\n{section.title}")
        for what, value in section.rows:
            console.print(f"  {what:<34}{value}")


def watch(url: str, interval_s: float, tenant: str | None = None) -> None:
    """
    Show what a server does until Ctrl-C; one that is gone is waited for.

    Raises
    ------
    InvalidValueError
        If there are no metrics of ours at the address.
    """
    before: Scrape | None = None
    with Live(Text(f"asking {url}"), screen=True, auto_refresh=False) as live:
        try:
            while True:
                before = _shown(live, url, before, tenant)
                time.sleep(interval_s)
        except KeyboardInterrupt:
            return


def _shown(
    live: Live, url: str, before: Scrape | None, tenant: str | None = None
) -> Scrape | None:
    try:
        now = read_scrape(url, time.time())
    except UnavailableError as error:
        live.update(Text(str(error), style="red"), refresh=True)
        return None
    figures = Figures(now, before, tenant)
    live.update(screen(figures, url, live.console.width), refresh=True)
    return now


def screen(figures: Figures, url: str, width: int) -> RenderableType:
    """Return a screen full of figures, in as many columns as it is wide for."""
    sections = figures.sections()
    count = max(1, min(width // _COLUMN, len(sections)))
    columns: list[list[Section]] = [[] for _ in range(count)]
    for section in sections:
        # Below the shortest so far, so that all end at about one height.
        min(columns, key=_height).append(section)
    grid = Table.grid(expand=True)
    for _ in columns:
        grid.add_column(ratio=1)
    grid.add_row(*(Group(*map(_panel, column)) for column in columns))
    headline = Text(figures.headline(), style="bold", overflow="ellipsis")
    return Group(headline, grid, Text(f"{url}  Ctrl-C ends", style="dim"))


def _height(sections: list[Section]) -> int:
    return sum(len(section.rows) + 2 for section in sections)


def _panel(section: Section) -> Panel:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for what, value in section.rows:
        # A tenant's name may look like markup.
        table.add_row(Text(what), Text(value))
    return Panel(
        table, title=Text(section.title), title_align="left", border_style="dim"
    )
