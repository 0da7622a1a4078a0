"""What an archive takes: from rates measured on one processor to processor hours, machines and money."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sightline.core.errors import InvalidInputError

__all__ = ["ArchiveCost", "CloudMachine", "archive_cost"]


@dataclass(frozen=True)
class CloudMachine:
    """A machine that can be hired; an assumption to be replaced by your own offer.

    Parameters
    ----------
    cores : int
        Processors that do work.
    price_an_hour : float
        In any currency.
    speed : float
        Of one of its processors, over that of the one that the rates were measured on.
    used : float
        Share of its time that it works: start, the last tasks, waiting for the store.

    Raises
    ------
    InvalidInputError
        When a number is not above 0, or ``used`` above 1.
    """

    cores: int
    price_an_hour: float
    speed: float = 1.0
    used: float = 0.85

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if min(self.cores, self.speed, self.used) <= 0 or self.price_an_hour < 0 or self.used > 1:
            raise InvalidInputError(f"cores, speed and used must be above 0, used at most 1, the price not below 0: {self}")


@dataclass(frozen=True)
class ArchiveCost:
    """What it takes.

    Attributes
    ----------
    core_hours : float
        Of the processor that the rates were measured on.
    machine_hours : float
    machines : int
        To be ready in the time that was given.
    price : float
        Of the machine hours; storage, requests and transfer come on top.
    """

    core_hours: float
    machine_hours: float
    machines: int
    price: float


def archive_cost(items: float, rate_a_core: float, machine: CloudMachine, days: float) -> ArchiveCost:
    """Reckon what it takes to look at an archive.

    Parameters
    ----------
    items : float
        Pictures, or frames of video: hours x 3,600 x frames a second.
    rate_a_core : float
        Items a second on one processor, as ``python -m benchmarks.archive`` measures.
    machine : CloudMachine
        What is hired.
    days : float
        Time to do it in.

    Returns
    -------
    ArchiveCost

    Raises
    ------
    InvalidInputError
        When a number is not above 0.

    Notes
    -----
    core_hours = items / rate / 3600; machine_hours = core_hours / (cores x speed x used); machines = machine_hours / (24 x days),
    rounded up; price = machine_hours x price an hour.

    Examples
    --------
    >>> cost = archive_cost(1e9, 10.0, CloudMachine(cores=16, price_an_hour=0.5, used=1.0), days=10)
    >>> round(cost.core_hours), round(cost.machine_hours), cost.machines, round(cost.price)
    (27778, 1736, 8, 868)
    """
    if min(items, rate_a_core, days) <= 0:
        raise InvalidInputError(f"items, rate and days must be above 0, got {items}, {rate_a_core} and {days}")
    core_hours = items / rate_a_core / 3600
    machine_hours = core_hours / (machine.cores * machine.speed * machine.used)
    return ArchiveCost(core_hours, machine_hours, math.ceil(machine_hours / (24 * days)), machine_hours * machine.price_an_hour)
