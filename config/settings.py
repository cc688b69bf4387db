"""All settings: read once from the environment (`TANDEM_...`), checked before anything starts."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every value has a default that works on one machine with nothing else installed."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    home: Path = Path(".tandem")

    nats_url: str = ""
    """An outside NATS server; empty means the embedded one."""
    postgres_dsn: str = ""
    """An outside Postgres with pgvector; empty means the embedded one."""
    ray_address: str = Field(
        default="", validation_alias=AliasChoices("RAY_ADDRESS", "TANDEM_RAY_ADDRESS")
    )
    """An outside Ray cluster; empty means one on this machine."""

    objects_url: str = ""
    """Where documents and what is made of them are kept: `s3://bucket/prefix`, `gs://...`,
    `az://...`, `file:///folder`, with the credentials in the variables those know. Empty means
    the object store of NATS."""

    secret: str = ""
    """Signs visitors' tokens; empty means one made on the first start and kept in `home`."""

    shards: int = Field(default=2, ge=1, le=256)
    placement: Literal["shared", "dedicated"] = "shared"
    passivate_after_s: float = Field(default=300, gt=0)
    snapshot_every: int = Field(default=50, ge=1)
    max_document_mb: int = Field(default=10, ge=1, le=100)
    """The largest file that is taken in."""
    fetch_private: bool = False
    """Pages of one's own networks may be fetched too; a cloud's metadata never."""
    ingest_concurrency: int = Field(default=2, ge=1, le=64)
    """Documents that are worked at side by side."""
    embedding: Literal["auto", "torch", "onnx-int8"] = "auto"
    """How the embedder computes on a CPU: see docs/models.md."""
    exact_up_to: int = Field(default=10_000, ge=0)
    """A tenant with more chunks is searched through an HNSW index."""
    index_memory: str = "512MB"
    """Postgres' `maintenance_work_mem` while such an index is built."""

    memory_tokens: int = Field(default=1500, ge=200)

    model: str = ""
    """A LiteLLM model name, such as `openai/gpt-5-mini`; empty means extractive answers."""
    model_fallbacks: str = ""
    """Further LiteLLM models, comma-separated, tried in order."""
    model_api_base: str = ""
    model_timeout_s: float = Field(default=30, gt=0)
    turn_timeout_s: float = Field(default=90, gt=0)
    rerank_model: str = ""
    """A sentence-transformers cross-encoder; empty: none. See `serve_apps/retrieval/rerank.py`."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @cached_property
    def home_dir(self) -> Path:
        return self.home.expanduser().resolve()
