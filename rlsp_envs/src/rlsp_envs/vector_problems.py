"""Vector environments of the registered gridworlds, by their ids as attributes.

A spec that can be written as JSON names what makes an environment by a module and an attribute.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from rlsp_envs.gridworlds import vector
from rlsp_envs.registration import FAMILIES, RANDOM_FAMILIES


def __getattr__(env_id: str) -> Any:
    for family, problems in {**FAMILIES, **RANDOM_FAMILIES}.items():
        if env_id in problems:
            make = getattr(vector, f"{family.partition(':')[2]}VectorEnv")
            return partial(make, **problems[env_id])
    raise AttributeError(f"module {__name__!r} has no attribute {env_id!r}")
