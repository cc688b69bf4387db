"""The way in for documents, as commands, the gateway and the demo use it."""

from __future__ import annotations

from actors.documents.service import DocumentRefused, Library
from config.settings import Settings
from events.jetstream.log import JetStreamLog
from events.knowledge import MediaType
from projections.knowledge.parsing import MEDIA_TYPES, Unparsable, sniff
from projections.knowledge.parsing.sniff import suffix_of
from tandem.wiring.objects import documents_of


def open_library(log: JetStreamLog, settings: Settings) -> Library:
    """On the log's own connection. Raises ValueError for an `objects_url` that is none."""
    documents = documents_of(settings, log.connection)
    return Library(log, documents, media_type, max_bytes=settings.max_document_mb * 2**20)


def media_type(name: str, content: bytes) -> MediaType:
    """See Library's `Sniff`: a file with something wrong in it is taken in, and its failure told
    as any other's."""
    try:
        return sniff(name, content)
    except Unparsable as error:
        known = MEDIA_TYPES.get(suffix_of(name))
        if known is None:
            raise DocumentRefused("unsupported_document", str(error)) from None
        return known
