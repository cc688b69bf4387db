"""A sentence-transformers model as an ONNX file with weights of eight bits, made once per machine.

    path = quantised(folder, cache, max_tokens=256)     # seconds the first time, then nothing

The file is named by what went into it, so that another model, or another way of making it, is
another file; it appears whole or not at all, however many make it at once.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RECIPE = "1"
"""Count up when anything below changes what comes out."""
OPSET = 17
EXPORT_TIMEOUT_S = 900.0
_READ = 1 << 20


class ExportFailed(Exception):
    """The model could not be made into an ONNX file."""


def quantised(folder: Path, cache: Path) -> Path:
    """The ONNX file of the model in `folder`, from `cache` or made now in a process of its own:
    what exporting needs in memory is given back. Raises ExportFailed."""
    made = cache / f"{folder.name}-{_digest(folder)}-int8.onnx"
    if made.is_file():
        return made
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="export-", dir=cache) as scratch:
            part = Path(scratch) / "int8.onnx"
            _run(folder, part)
            os.replace(part, made)
    except (OSError, subprocess.SubprocessError) as error:
        raise ExportFailed(f"{folder.name} to ONNX: {error}") from error
    return made


def _run(folder: Path, target: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "serve_apps.embedding.onnx_export", str(folder), str(target)],
        capture_output=True,
        text=True,
        timeout=EXPORT_TIMEOUT_S,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    if done.returncode != 0 or not target.is_file():
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise ExportFailed(f"{folder.name} to ONNX: {last[0][:300]}")


def _digest(folder: Path) -> str:
    """Of the recipe, the versions of who cooks, and every file of the model."""
    from importlib.metadata import version

    found = hashlib.sha256(RECIPE.encode())
    for package in ("torch", "transformers", "sentence-transformers", "onnxruntime"):
        found.update(f"{package} {version(package)}\n".encode())
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        with path.open("rb") as file:
            while part := file.read(_READ):
                found.update(part)
    return found.hexdigest()[:16]


def export(folder: Path, target: Path) -> None:
    """Write the model in `folder` to `target` in float32: `input_ids` and `attention_mask`,
    int64 of shape (texts, tokens), to `vectors`, float32 of shape (texts, dimensions)."""
    import torch
    from sentence_transformers import SentenceTransformer

    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the model is on disk: ask nobody
    model = SentenceTransformer(
        str(folder),
        device="cpu",
        model_kwargs={"dtype": torch.float32, "attn_implementation": "eager"},
        local_files_only=True,
    ).eval()

    class Whole(torch.nn.Module):
        """Transformer, pooling and what else the model's folder names, as one function."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            return self.model(features)["sentence_embedding"]

    ids = torch.tensor([[101, 2054, 2003, 102], [101, 7592, 102, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    with torch.inference_mode():
        torch.onnx.export(
            Whole(),
            (ids, mask),
            str(target),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={
                "input_ids": {0: "texts", 1: "tokens"},
                "attention_mask": {0: "texts", 1: "tokens"},
                "vectors": {0: "texts"},
            },
            opset_version=OPSET,
            dynamo=False,
        )


def quantise(source: Path, target: Path) -> None:
    """Weights of matrix products to int8, a scale for each column (one for a whole matrix costs
    far more: cosine 0.96); their inputs at run time. All else stays float32."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=QuantType.QInt8,
    )


def main() -> None:
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    plain = target.with_suffix(".float32.onnx")
    export(folder, plain)
    quantise(plain, target)
    plain.unlink()


if __name__ == "__main__":
    main()
