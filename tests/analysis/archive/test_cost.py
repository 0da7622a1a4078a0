"""The arithmetic of docs/archives.md, and that its table is what the arithmetic gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sightline.analysis.archive.cost import CloudMachine, archive_cost
from sightline.core.errors import InvalidInputError

PAGE = (Path(__file__).parents[3] / "docs" / "archives.md").read_text("utf-8")


def test_hours_machines_and_price() -> None:
    cost = archive_cost(3600 * 1000, 2.0, CloudMachine(cores=4, price_an_hour=0.5, speed=2.0, used=0.5), days=1)
    assert cost.core_hours == pytest.approx(500)
    assert cost.machine_hours == pytest.approx(125)
    assert cost.machines == 6
    assert cost.price == pytest.approx(62.5)


def test_what_cannot_be_is_refused() -> None:
    for how in ({"cores": 0}, {"speed": 0.0}, {"used": 1.1}, {"used": 0.0}, {"price_an_hour": -1.0}):
        with pytest.raises(InvalidInputError):
            CloudMachine(**{"cores": 1, "price_an_hour": 1.0, **how})  # type: ignore[arg-type]
    for items, rate, days in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(InvalidInputError):
            archive_cost(items, rate, CloudMachine(1, 1.0), days)


def test_the_tables_of_the_page_are_its_own_arithmetic() -> None:
    """The rates of the first table, through the example's machine, give the second table."""
    rates = {kinds: (float(p), float(f)) for kinds, p, f in re.findall(r"^\| ([a-z, ]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)}
    assert len(rates) == 4
    example = re.search(r"CloudMachine\((.*?)\)", PAGE)
    assert example
    given = {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", example[1])}
    machine = CloudMachine(int(given["cores"]), given["price_an_hour"], given["speed"], given["used"])
    for kinds, (pictures, frames) in rates.items():
        assert f'"{kinds}": ({pictures:g}, {frames:g})' in PAGE
        a, b = archive_cost(1e9, pictures, machine, 30), archive_cost(1e6 * 3600 * 25, frames, machine, 30)
        row = f"| {kinds} | {a.core_hours:,.0f} | {a.machines} | {a.price:,.0f} | {b.core_hours:,.0f} | {b.machines} | {b.price:,.0f} |"
        assert row in PAGE
