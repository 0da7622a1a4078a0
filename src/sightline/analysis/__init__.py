"""Analysis of pictures and videos: what is in it, as a document, an annotated picture or video, and a report."""

from sightline.analysis.findings import Findings
from sightline.analysis.follower import Follower, Moment
from sightline.analysis.looker import Looker
from sightline.analysis.options import Options, parse_kinds
from sightline.analysis.results import Result, Run
from sightline.analysis.run import analyze

__all__ = ["Findings", "Follower", "Looker", "Moment", "Options", "Result", "Run", "analyze", "parse_kinds"]
