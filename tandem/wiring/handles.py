"""Handles to Serve deployments that are looked up when they are first used.

A shard may live before Serve does, and goes on living when an app is deployed anew.
"""

from __future__ import annotations

from typing import Any

from ray import serve


class LazyDeploymentHandle:
    """Stands for the handle of `deployment` in the application `application`."""

    def __init__(self, deployment: str, application: str) -> None:
        self._names = (deployment, application)
        self._found: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._found is None:
            self._found = serve.get_deployment_handle(*self._names)
        return getattr(self._found, name)
