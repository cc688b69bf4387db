"""What tests of the operators' side share: accounts that cost nothing to check, and clients."""

from __future__ import annotations

from typing import Any


def cheap_passwords() -> Any:
    """Real argon2id with the least work it can do."""
    from argon2 import PasswordHasher

    from serve_apps.gateway.operators.passwords import Passwords

    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
