"""Documents into text: what each is, what stands in it and where, and why one cannot be read."""

from projections.knowledge.parsing.errors import Unparsable
from projections.knowledge.parsing.reading import parse
from projections.knowledge.parsing.sniff import MEDIA_TYPES, sniff

__all__ = ["MEDIA_TYPES", "Unparsable", "parse", "sniff"]
