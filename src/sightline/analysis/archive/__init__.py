"""Archives larger than one machine: the same nets over folders and object stores, mapped by Ray Data, kept as Parquet."""

from sightline.analysis.archive.run import ArchiveOptions, ArchiveRun, analyze_archive

__all__ = ["ArchiveOptions", "ArchiveRun", "analyze_archive"]
