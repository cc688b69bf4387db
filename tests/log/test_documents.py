"""Documents: the same cases over memory, over NATS, and over object stores outside."""

from __future__ import annotations

import hashlib

import pytest

from events.jetstream.connection import Connection
from events.log.event_log import LogUnavailable
from events.objects.obstore_store import ObstoreObjectStore
from events.objects.store import CorruptDocument, MemoryObjectStore, NatsObjectStore, NoSuchDocument


@pytest.fixture(params=["memory", "nats", "outside", "folder"])
async def documents(request: pytest.FixtureRequest, log_nats, tmp_path):
    outside = {"outside": "memory:///", "folder": f"file://{tmp_path}/kept"}
    if request.param == "memory":
        yield MemoryObjectStore()
        return
    if request.param in outside:
        yield ObstoreObjectStore.at(outside[request.param])
        return
    connection = await Connection.open(log_nats)
    yield NatsObjectStore(connection)
    await connection.close()


@pytest.mark.parametrize("size", [0, 1, 128 * 1024, 700_001])
async def test_a_document_comes_back_byte_for_byte(documents, tenant, size):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    content_hash = await documents.put(tenant, content)
    assert content_hash == hashlib.sha256(content).hexdigest()
    assert await documents.get(tenant, content_hash) == content


async def test_to_put_it_again_changes_nothing(documents, tenant):
    first = await documents.put(tenant, b"terms of service")
    assert await documents.put(tenant, b"terms of service") == first
    assert await documents.get(tenant, first) == b"terms of service"


async def test_a_tenant_cannot_read_what_another_has_put(documents, tenant):
    content_hash = await documents.put(tenant, b"ours alone")
    with pytest.raises(NoSuchDocument):
        await documents.get(f"{tenant[:-1]}-", content_hash)


async def test_a_document_that_was_never_put_is_said_to_be_missing(documents, tenant):
    with pytest.raises(NoSuchDocument, match="0" * 64):
        await documents.get(tenant, "0" * 64)


@pytest.mark.parametrize("wrong", ["", "a/b", "a.b", "x" * 65])
async def test_a_tenant_that_is_no_token_is_a_mistake_of_the_caller(documents, wrong):
    with pytest.raises(ValueError, match="tenant id"):
        await documents.put(wrong, b"x")


async def test_what_does_not_fit_its_hash_is_not_given_out_and_mended_when_put_again(
    log_nats, tenant
):
    connection = await Connection.open(log_nats)
    documents = NatsObjectStore(connection)
    content_hash = await documents.put(tenant, b"as it was")
    store = await connection.client.jetstream().object_store("documents")
    await store.put(f"{tenant}/{content_hash}", b"as someone changed it")
    with pytest.raises(CorruptDocument):
        await documents.get(tenant, content_hash)
    await documents.put(tenant, b"as it was")
    assert await documents.get(tenant, content_hash) == b"as it was"
    await connection.close()


async def test_the_same_holds_for_a_folder(tmp_path, tenant):
    documents = ObstoreObjectStore.at(f"file://{tmp_path}")
    content_hash = await documents.put(tenant, b"as it was")
    (tmp_path / tenant / content_hash).write_bytes(b"as someone changed it")
    with pytest.raises(CorruptDocument):
        await documents.get(tenant, content_hash)
    await documents.put(tenant, b"as it was")
    assert await documents.get(tenant, content_hash) == b"as it was"


async def test_a_large_one_goes_through_nats_in_pieces(log_nats, tenant):
    connection = await Connection.open(log_nats)
    documents = NatsObjectStore(connection)
    content = bytes(range(256)) * (100 * 4096)
    content_hash = await documents.put(tenant, content)
    assert await documents.get(tenant, content_hash) == content
    await connection.close()


async def test_a_store_without_a_server_says_so(start_nats, tenant):
    server = start_nats()
    connection = await Connection.open(server.url)
    documents = NatsObjectStore(connection, timeout=0.5)
    content_hash = await documents.put(tenant, b"x")
    server.kill()
    with pytest.raises(LogUnavailable):
        await documents.get(tenant, content_hash)
    with pytest.raises(LogUnavailable):
        await documents.put(tenant, b"y")
    await connection.close()


async def test_a_store_outside_that_cannot_be_reached_says_so(free_ports, monkeypatch, tenant):
    (port,) = free_ports(1)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    documents = ObstoreObjectStore.at("s3://bucket/prefix", timeout=0.5)
    with pytest.raises(LogUnavailable):
        await documents.put(tenant, b"x")
    with pytest.raises(LogUnavailable):
        await documents.get(tenant, "0" * 64)


@pytest.mark.parametrize("url", ["bucket", "http://x.example/", "s3://", "gs:/x"])
def test_an_address_that_is_no_store_is_a_mistake_in_the_settings(url):
    with pytest.raises(ValueError, match="objects_url"):
        ObstoreObjectStore.at(url)
