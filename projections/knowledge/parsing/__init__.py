"""Documents into text: what each is, what stands in it and where, and why one cannot be read."""

from projections.knowledge.parsing.errors import Unparsable
from projections.knowledge.parsing.reading import parse
from projections.knowledge.parsing.sandbox import Limits, parse_in_child
from projections.knowledge.parsing.sniff import MEDIA_TYPES, sniff

__all__ = ["MEDIA_TYPES", "Limits", "Unparsable", "parse", "parse_in_child", "sniff"]
