"""What the routes share: the ports, and what goes wrong as problems."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

import structlog
from fastapi import Depends, Header, Path

from actors.documents.service import DocumentRefused
from events.log.event_log import LogError, VersionConflict
from events.log.stream import is_token
from projections.knowledge.documents import UnknownDocument, UnknownVersion
from serve_apps.gateway.knowledge.ports import KnowledgePorts
from serve_apps.gateway.operators.accounts.http_access import HubOf
from serve_apps.gateway.operators.accounts.identity import SignedIn
from serve_apps.gateway.operators.orders.http_conversations import readings_asked
from serve_apps.gateway.shared.problems import Problem

LOG_TIMEOUT_S = 60.0
"""A document of ten megabytes is written to the object store within this."""

_log = structlog.get_logger(__name__)


def _ports(hub: HubOf) -> KnowledgePorts:
    if hub.ports.knowledge is None:
        raise Problem("unavailable", "this gateway has no knowledge base")
    return hub.ports.knowledge


PortsOf = Annotated[KnowledgePorts, Depends(_ports)]


def _document(document: Annotated[str, Path(max_length=200)]) -> str:
    if not is_token(document) or document.startswith("_"):
        raise no_document()
    return document


DocumentId = Annotated[str, Depends(_document)]


def no_document() -> Problem:
    """The same whether it never was or is another tenant's."""
    return Problem("unknown_document", "there is no document of this id")


def _key(
    key: Annotated[
        str, Header(alias="Idempotency-Key", max_length=128, pattern=r"^[\x21-\x7e]*$")
    ] = "",
) -> str:
    return key


IdempotencyKey = Annotated[str, Depends(_key)]
"""Yours, 1 to 128 visible characters: the same request with the same key is carried out once."""


def may_change(hub: HubOf, who: SignedIn) -> None:
    """Raises Problem `rate_limited`."""
    if not hub.operator_orders.take(who.me.tenant, who.me.operator):
        raise Problem("rate_limited", "too many changes at once, slow down")


@asynccontextmanager
async def knowledge_read() -> AsyncGenerator[None]:
    """The read models' errors as problems."""
    async with readings_asked():
        try:
            yield
        except UnknownDocument:
            raise no_document() from None
        except UnknownVersion:
            raise Problem("unknown_version", "the document has no such version") from None


@asynccontextmanager
async def library_asked(who: SignedIn) -> AsyncGenerator[None]:
    """The library's refusals and the log's errors as problems."""
    try:
        async with asyncio.timeout(LOG_TIMEOUT_S):
            yield
    except DocumentRefused as refused:
        raise Problem(refused.code, refused.reason) from None
    except VersionConflict as error:
        raise Problem("unavailable", "others change this document too, try again") from error
    except (LogError, TimeoutError) as error:
        _log.warning(
            "a document was not kept, or may not be", tenant=who.me.tenant, error=str(error)
        )
        raise Problem("unavailable", "this cannot be kept now, try again") from error
