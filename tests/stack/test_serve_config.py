"""`config/serve.yaml` is plain Serve config, and its builders build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

CONFIG = Path(__file__).parents[2] / "config" / "serve.yaml"


def applications() -> list[dict[str, Any]]:
    return yaml.safe_load(CONFIG.read_text())["applications"]


def test_serve_takes_the_config_unchanged() -> None:
    from ray.serve.schema import ServeDeploySchema

    schema = ServeDeploySchema.model_validate(yaml.safe_load(CONFIG.read_text()))
    assert {app.name for app in schema.applications} == {"embedding", "generation", "gateway"}


@pytest.mark.parametrize("entry", applications(), ids=lambda entry: entry["name"])
def test_each_app_is_built_from_its_arguments(
    entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import import_module

    from tandem.wiring.deploy import Scale

    monkeypatch.setenv("TANDEM_NATS_URL", "nats://192.0.2.1:4222")
    monkeypatch.setenv("TANDEM_POSTGRES_DSN", "postgresql://192.0.2.1/tandem")
    monkeypatch.setenv("TANDEM_SECRET", "s" * 32)
    module, name = entry["import_path"].split(":")
    app = getattr(import_module(module), name)(Scale(**entry["args"]))
    assert type(app).__name__ == "Application"


def test_without_addresses_it_says_which_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from tandem.errors import UserError
    from tandem.wiring.deploy import Scale, gateway

    for name in ("TANDEM_NATS_URL", "TANDEM_POSTGRES_DSN", "TANDEM_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="TANDEM_NATS_URL, TANDEM_POSTGRES_DSN, TANDEM_SECRET"):
        gateway(Scale())


def test_the_cluster_file_is_one_that_ray_up_takes() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(yaml.safe_load((CONFIG.parents[1] / "ray_cluster.yaml").read_text()))
    validate_config(config)
    assert config["cluster_name"] == "tandem"
