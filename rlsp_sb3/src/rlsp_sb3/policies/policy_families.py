"""Kinds of policies in files of SB3 and sb3-contrib: their classes and their networks."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import NamedTuple

from stable_baselines3.common.policies import BasePolicy

from rlsp_sb3.policies.sb3_file import SavedModel, text_of

ALGORITHMS = (
    "A2C, DDPG, DQN, PPO, SAC or TD3 of SB3, or QRDQN, RecurrentPPO, TQC or TRPO of sb3-contrib"
)


class Network(NamedTuple):
    """A network of a policy.

    Attributes:
        name: What SB3 calls it in ``net_arch``; "" if the policy has but one.
        prefix: What the names of its parameters begin with.
        has_output: Whether its last layer is the output, and not a hidden layer.
    """

    name: str
    prefix: str
    has_output: bool


class Family(NamedTuple):
    """The algorithms that have a kind of policy in common.

    Attributes:
        module: The module of the class.
        class_name: The name of the class.
        mark: What the name of a parameter begins with, in every policy of this kind. A file that
            does not name the module has a policy of the first kind of the list with its mark.
        networks: Its networks; that of the values of actions, if there is one, is the last.
    """

    module: str
    class_name: str
    mark: str
    networks: tuple[Network, ...]

    def policy_class(self) -> type[BasePolicy]:
        """The class.

        Raises:
            ImportError: If its package is not installed.
        """
        try:
            module = importlib.import_module(self.module)
        except ImportError as error:
            raise ImportError(
                f"a policy of the class {self.module}.{self.class_name} needs sb3-contrib: run "
                "`pip install sb3-contrib`"
            ) from error
        found: type[BasePolicy] = getattr(module, self.class_name)
        return found


_PI_AND_VF = (
    Network("pi", "mlp_extractor.policy_net", has_output=False),
    Network("vf", "mlp_extractor.value_net", has_output=False),
)
_SAC_NETWORKS = (
    Network("pi", "actor.latent_pi", has_output=False),
    Network("qf", "critic.qf0", has_output=True),
)
_TD3_NETWORKS = (
    Network("pi", "actor.mu", has_output=True),
    Network("qf", "critic.qf0", has_output=True),
)
_Q_NET = Network("", "q_net.q_net", has_output=True)
_QUANTILE_NET = Network("", "quantile_net.quantile_net", has_output=True)
_SB3, _CONTRIB = "stable_baselines3", "sb3_contrib"

FAMILIES = (
    Family(  # RecurrentPPO
        f"{_CONTRIB}.common.recurrent.policies",
        "RecurrentActorCriticPolicy",
        "lstm_actor.",
        _PI_AND_VF,
    ),
    Family(f"{_SB3}.common.policies", "ActorCriticPolicy", "action_net.", _PI_AND_VF),  # and TRPO
    Family(  # FastPPO
        "rlsp_sb3.solvers.normalized_policy",
        "NormalizedActorCriticPolicy",
        "action_net.",
        _PI_AND_VF,
    ),
    Family(f"{_SB3}.sac.policies", "SACPolicy", "actor.log_std", _SAC_NETWORKS),
    Family(f"{_CONTRIB}.tqc.policies", "TQCPolicy", "actor.log_std", _SAC_NETWORKS),
    Family(f"{_SB3}.td3.policies", "TD3Policy", "actor.mu.", _TD3_NETWORKS),  # and DDPG
    Family(f"{_SB3}.dqn.policies", "DQNPolicy", "q_net.q_net.", (_Q_NET,)),
    Family(f"{_CONTRIB}.qrdqn.policies", "QRDQNPolicy", "quantile_net.", (_QUANTILE_NET,)),
)


def find_family(path: Path, saved: SavedModel) -> Family:
    """The kind of a policy, by the module of its class and the names of its parameters.

    Raises:
        ValueError: If it is none of those that are known.
    """
    parameters = saved.states["policy"]
    stored = saved.settings.get("policy_class")
    module = text_of(stored, "__module__")
    found = re.match(r"<function (\w+)\.__init__", text_of(stored, "__init__"))
    own_class = f"{module}.{found[1]}" if found else module
    marked = [
        family for family in FAMILIES if any(name.startswith(family.mark) for name in parameters)
    ]
    if not marked:
        raise ValueError(
            f"path={str(path)!r} has a policy of an unknown kind ({own_class or 'of no class'}): "
            f"expected one of {ALGORITHMS}"
        )
    for family in marked:
        if module in ("", family.module):
            return family
    raise ValueError(
        f"path={str(path)!r} has a policy of a class of its own ({own_class}), which cannot be "
        f"made without running code from the file: expected an MlpPolicy or a CnnPolicy of "
        f"{ALGORITHMS}"
    )
