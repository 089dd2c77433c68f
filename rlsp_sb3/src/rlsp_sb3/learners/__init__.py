"""Reward learners: base classes, callbacks, and the registry of those that are installed.

Users need ``checkpoints``, ``learner_names``, ``load_learner`` and ``true_return_fractions``. The
rest is for authors of learners:

- the base classes ``RewardLearner``, ``TabularLearner`` (environments to plan in) and
  ``EpochLearner`` (a policy that is trained while the reward is learned), and ``Learner`` for what
  learns no reward;
- ``check_choice``, ``check_int``, ``check_positive``, ``check_vector`` and ``checks_types`` for
  arguments, and ``NotOfferedError`` for what an environment lacks;
- ``flatten_arrays``, ``subtree``, ``read_array``, ``read_scalar``, ``module_arrays``,
  ``load_module``, ``optimizer_arrays`` and ``load_optimizer`` for what is saved: names and NumPy
  arrays, no code;
- ``SolverCallback``, which calls a learner's callbacks while its solver is trained;
- ``Timer`` for the seconds that parts of an epoch take.

Solvers are in :mod:`rlsp_sb3.solvers`, encoders in :mod:`rlsp_sb3.encoders`, and simulators in
:mod:`rlsp_sb3.simulators`.
"""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.io.state_arrays import (
        flatten_arrays,
        load_module,
        load_optimizer,
        module_arrays,
        optimizer_arrays,
        read_array,
        read_scalar,
        subtree,
    )
    from rlsp_sb3.learners.base import Learner, RewardLearner
    from rlsp_sb3.learners.callbacks import SolverCallback, checkpoints
    from rlsp_sb3.learners.epoch import EpochLearner
    from rlsp_sb3.learners.registry import learner_names, load_learner
    from rlsp_sb3.learners.tabular import Combination, TabularLearner, plans_policy
    from rlsp_sb3.learners.true_return import true_return_fractions
    from rlsp_sb3.utils.checks import check_choice, check_int, check_positive, check_vector
    from rlsp_sb3.utils.errors import NotOfferedError
    from rlsp_sb3.utils.timer import Timer
    from rlsp_sb3.utils.type_checks import checks_types
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "Combination",
    "EpochLearner",
    "Learner",
    "NotOfferedError",
    "RewardLearner",
    "SolverCallback",
    "TabularLearner",
    "Timer",
    "check_choice",
    "check_int",
    "check_positive",
    "check_vector",
    "checkpoints",
    "checks_types",
    "flatten_arrays",
    "learner_names",
    "load_learner",
    "load_module",
    "load_optimizer",
    "module_arrays",
    "optimizer_arrays",
    "plans_policy",
    "read_array",
    "read_scalar",
    "subtree",
    "true_return_fractions",
]
