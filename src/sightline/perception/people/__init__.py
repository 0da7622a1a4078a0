"""People: mattes that follow their outline."""

from sightline.perception.people.guided_filter import guided_filter
from sightline.perception.people.matte import PersonMatte, refine_matte

__all__ = ["PersonMatte", "guided_filter", "refine_matte"]
