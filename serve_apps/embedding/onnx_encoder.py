"""The embedder on a CPU by ONNX Runtime, weights of eight bits: no torch in the process.

Measured beside torch by `benchmarks/embedder.py`; what may use it: docs/models.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from serve_apps.embedding.batches import Encoder, cpu_threads, unit

if TYPE_CHECKING:
    from serve_apps.embedding.batches import Vectors


class OnnxModel(Encoder):
    """An ONNX file of `onnx_export` with the tokenizer of the model that it was made
    from."""

    device = "cpu"

    def __init__(
        self, file: Path, folder: Path, *, max_tokens: int, threads: int = 0, dtype: str = "int8"
    ) -> None:
        """`folder` is the model's own. Raises OSError when either is not there."""
        # Whoever imports this module does not pay for what only the replica needs.
        import onnxruntime
        from tokenizers import Tokenizer

        for path in (file, folder / "tokenizer.json"):
            if not path.is_file():
                raise FileNotFoundError(f"no {path}")
        options: Any = onnxruntime.SessionOptions()  # pyright: ignore[reportAttributeAccessIssue]
        options.intra_op_num_threads = cpu_threads(threads)
        options.inter_op_num_threads = 1
        # Threads that spin while they wait would take the cores from who is asking.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_length=max_tokens)
        self._tokenizer.no_padding()
        self.max_tokens, self.dtype = max_tokens, dtype
        self.dimensions = 1
        self.dimensions = int(self._run([self._tokenizer.encode("warm").ids]).shape[1])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder.encode."""
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        rows = self._tokenizer.encode_batch([text.strip() for text in texts])
        return unit(self._run([row.ids for row in rows]))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See Encoder.count_tokens."""
        return [len(row.ids) for row in self._tokenizer.encode_batch(list(texts))]

    def _run(self, rows: Sequence[Sequence[int]]) -> Vectors:
        """Padded with zeros behind; the mask says what is text."""
        longest = max(len(row) for row in rows)
        ids = np.zeros((len(rows), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
            mask[at, : len(row)] = 1
        (vectors,) = self._session.run(["vectors"], {"input_ids": ids, "attention_mask": mask})
        return vectors
