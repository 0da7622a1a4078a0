"""Archives larger than one machine: the same nets over folders and object stores, mapped by Ray Data, kept as Parquet."""

from sightline.analysis.archive.cost import ArchiveCost, CloudMachine, archive_cost
from sightline.analysis.archive.run import ArchiveOptions, ArchiveRun, analyze_archive

__all__ = ["ArchiveCost", "ArchiveOptions", "ArchiveRun", "CloudMachine", "analyze_archive", "archive_cost"]
