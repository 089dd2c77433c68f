"""The public names: those that a package lists, that can be imported, and that others use."""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

rlsp_sb3 = pytest.importorskip("rlsp_sb3")
rlsp_baselines = pytest.importorskip("rlsp_baselines")
rlsp_envs = pytest.importorskip("rlsp_envs")

from rlsp_sb3.utils.lazy import type_checking_imports  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
DISTRIBUTIONS = (rlsp_baselines, rlsp_envs, rlsp_sb3)

# To add a name is a promise to users, to take one away breaks their code: do it here as well.
PUBLIC_TEXT = {
    "rlsp_baselines": (
        "AIRL GAIL AttainableUtility AverageFeatures Contrast Deviation RelativeReachability "
        "RewardSampling TaskReward Waypoints __version__"
    ),
    "rlsp_baselines.reward_sampling": "RewardSampling",
    "rlsp_baselines.skills": (
        "DADS DIAYN SkillHyperparameters SkillLearner SkillPolicy skill_predictability"
    ),
    "rlsp_envs": "__version__ register_envs",
    "rlsp_envs.gridworlds": (
        "ApplesEnv BatteriesEnv GridworldEnv GridworldVectorEnv Layout Outcome RandomApplesEnv "
        "RandomBatteriesEnv RandomRoomEnv RandomTrainEnv RoomEnv Sprite StateSpace TabularMDP "
        "TooManyStatesError TrainEnv"
    ),
    "rlsp_envs.gridworlds.states": "",
    "rlsp_envs.wrappers": "Drift FuelGauge TerminationPenalty TimeFeature",
    "rlsp_sb3": (
        "RLSP LinearReward RewardFn RewardLearner RewardVecEnv RewardWrapper TabularRLSP "
        "UnreachableStateError VectorRewardWrapper __version__ load_policy load_reward "
        "retrain_policy sample_observed_states"
    ),
    "rlsp_sb3.cli": "ProgressOption say user_errors",
    "rlsp_sb3.data": (
        "EPISODE_SUFFIXES Episode Transitions collect concatenate has_terminated load_episodes "
        "load_imitation load_minari rollout_env sample_observed_states save_episodes save_minari"
    ),
    "rlsp_sb3.diagnosis": "DiagnosisCallback DiagnosisRow RealPastEstimator RealPasts",
    "rlsp_sb3.encoders": (
        "Encoder EnvironmentFeatures FunctionEncoder IdentityEncoder RandomFourierFeatures "
        "ScaledEncoder StateVAE TableFeatures make_encoder slow_axes"
    ),
    "rlsp_sb3.env_util": (
        "as_vec_env find_spec first_base_env make_env open_env plugin_specs register_envs"
    ),
    "rlsp_sb3.evaluation": (
        "CrossEntropyCurve Returns SeedSummary SimulatedReward epic_distance "
        "held_out_cross_entropy mean_interval measure_returns starc_distance summarize "
        "summarize_curves"
    ),
    "rlsp_sb3.experiments": (
        "CONTINUOUS_METHODS GRIDWORLD_METHODS RLSP_METHODS Config DiagnosisRun LearnerRun Method "
        "TableConfig diagnose learn_into_folder load_config run_jobs"
    ),
    "rlsp_sb3.experiments.executors": "MAX_RETRIES Event Executor LocalExecutor RayExecutor Task",
    "rlsp_sb3.experiments.gridworlds": "",
    "rlsp_sb3.experiments.mujoco": "",
    "rlsp_sb3.experiments.report": "",
    "rlsp_sb3.experiments.skills": "",
    "rlsp_sb3.hub": "from_pretrained push_to_hub",
    "rlsp_sb3.hyperparameters": (
        "DynamicsHyperparameters EncoderHyperparameters FitSettings ForwardHyperparameters "
        "InversePolicyHyperparameters RLSPHyperparameters SolverHyperparameters"
    ),
    "rlsp_sb3.io": "read_npz write_json write_npz",
    "rlsp_sb3.learners": (
        "Combination EpochLearner Learner NotOfferedError RewardLearner SolverCallback "
        "TabularLearner Timer check_choice check_int check_positive check_vector checkpoints "
        "checks_types flatten_arrays "
        "learner_names load_learner load_module load_optimizer module_arrays optimizer_arrays "
        "plans_policy read_array read_scalar subtree true_return_fractions"
    ),
    "rlsp_sb3.models": "ActionNormalizer DeltaModel Normalizer",
    "rlsp_sb3.planning": (
        "Plan PlannedPolicy expected_sums occupancies true_return_fraction value_iteration"
    ),
    "rlsp_sb3.plotting": (
        "INFERRED INK RewardSamples TASK TRUE Visited log_reward_figure plot_reward "
        "plot_reward_filmstrip plot_reward_map plot_reward_profiles plot_reward_scatter "
        "sample_rewards save_png"
    ),
    "rlsp_sb3.plotting.inferred": "",
    "rlsp_sb3.cli.tables": "",
    "rlsp_sb3.plotting.runs": "",
    "rlsp_sb3.policies": (
        "ExpertRun RandomPolicy find_expert_hyperparameters import_sb2_sac load_policy "
        "retrain_policy"
    ),
    "rlsp_sb3.presets": "FAST PAPER Preset PresetName find_preset",
    "rlsp_sb3.protocols": (
        "AppendedEntry BatchDynamics NamedObservations Policy ReachableEnv ReportingLearner "
        "TabularEnv TabularMDP"
    ),
    "rlsp_sb3.rewards": (
        "PRIORS FeatureFn FeaturesNotSavedError GaussianPrior LaplacePrior LinearReward Prior "
        "RelabeledReplayBuffer RewardFn RewardVecEnv RewardWrapper UniformPrior "
        "VectorRewardWrapper load_reward"
    ),
    "rlsp_sb3.rlsp": (
        "RLSP ContinuousGradientEstimator GradientEstimator InverseDynamics InversePolicy "
        "PastTrajectories TabularGradientEstimator simulate_past state_features"
    ),
    "rlsp_sb3.runs": "Run RunConfig RunFolder read_run",
    "rlsp_sb3.simulators": (
        "BatchSimulator ClassicControlSimulator LearnedSimulator MujocoSimulator ResetSimulator "
        "Simulator SimulatorVecEnv TabularSimulator Trajectories make_simulator rollout_simulator"
    ),
    "rlsp_sb3.solvers": (
        "Algorithm FastPPO FastSAC ForwardModel NormalizedActorCriticPolicy PlanningSolver "
        "SB3Solver Solver SolverSpec "
        "check_solver_kwargs constructor_arguments find_solver is_simulated make_model "
        "make_training_env model_arrays seeded_globally set_model_arrays solver_name steps_at_once"
    ),
    "rlsp_sb3.state_reset": (
        "can_set_state classic_states mujoco_state set_state_from_observation state_setter"
    ),
    "rlsp_sb3.tabular_rlsp": (
        "Decision InitialStates Optimizer RewardPosterior StateLikelihood TabularRLSP "
        "UnreachableStateError decide"
    ),
    "rlsp_sb3.type_aliases": "Array Arrays FloatArray Seed",
    "rlsp_sb3.utils": "channels_last lazy_exports",
    "rlsp_sb3.video": "make_for_film record",
}
PUBLIC = {module: text.split() for module, text in PUBLIC_TEXT.items()}
NAMES = [(module, name) for module, names in PUBLIC.items() for name in names]

DOTTED = re.compile(r"\brlsp_(?:baselines|envs|sb3)(?:\.\w+)+")
ROLE = re.compile(r":(class|data|func|meth|attr|exc|mod):`~?(rlsp_[\w.]+)`")


def modules() -> Iterator[str]:
    """The names of all packages, and of the modules beside the packages of a distribution."""
    for distribution in DISTRIBUTIONS:
        yield distribution.__name__
        for module in pkgutil.walk_packages(distribution.__path__, f"{distribution.__name__}."):
            if module.ispkg or module.name.count(".") == 1:
                yield module.name


def source_of(module: str) -> ast.Module:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def listed(module: str) -> list[str] | None:
    """What a module has as ``__all__``, by its source; None if it has none."""
    for statement in source_of(module).body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            if isinstance(target, ast.Name) and target.id == "__all__":
                return ast.literal_eval(statement.value)
    return None


def test_public_names_are_these():
    found = {module: names for module in modules() if (names := listed(module)) is not None}
    assert {module: sorted(names) for module, names in found.items()} == {
        module: sorted(names) for module, names in PUBLIC.items()
    }


def test_each_package_lists_its_names():
    packages = [
        module.name
        for distribution in DISTRIBUTIONS
        for module in pkgutil.walk_packages(distribution.__path__, f"{distribution.__name__}.")
        if module.ispkg
    ]
    assert [package for package in packages if listed(package) is None] == []


def explained_values(module: str) -> set[str]:
    """The names of a module's constants and type aliases that have a text below them."""
    return {
        node.id
        for statement, following in pairwise(source_of(module).body)
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        and isinstance(following, ast.Expr)
        and isinstance(following.value, ast.Constant)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_public_name_is_there_and_explained(module, name):
    imported = importlib.import_module(module)
    is_package = hasattr(imported, "__path__")
    found = getattr(imported, name)
    assert name in dir(imported)
    if inspect.isclass(found) or inspect.isroutine(inspect.unwrap(found)):
        assert found.__doc__
    elif name != "__version__":
        defined_in = type_checking_imports(module).get(name, module) if is_package else module
        assert name in explained_values(defined_in)


@pytest.mark.parametrize("module", PUBLIC)
def test_what_is_not_public_is_not_offered(module):
    with pytest.raises(AttributeError, match="nonsense"):
        importlib.import_module(module).nonsense  # noqa: B018


@pytest.mark.parametrize("module", PUBLIC)
def test_no_public_name_is_that_of_a_module(module):
    """Once such a module is imported, the package's attribute is the module."""
    path = getattr(importlib.import_module(module), "__path__", [])
    assert {each.name for each in pkgutil.iter_modules(path)}.isdisjoint(PUBLIC[module])


def python_sources() -> Iterator[tuple[str, str]]:
    """What is to use public names only: benchmarks, rlsp_baselines, and blocks of documents."""
    for folder in ("benchmarks", "rlsp_baselines/src"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for pattern in ("*.md", "docs/**/*.md", "rlsp_*/README.md"):
        for path in sorted(ROOT.glob(pattern)):
            for token in MarkdownIt().parse(path.read_text(encoding="utf-8")):
                text = token.content
                if token.type == "fence" and token.info.strip() == "pycon":
                    lines = [line[4:] for line in text.splitlines() if line[:4] in (">>> ", "... ")]
                    text = "\n".join(lines)
                elif token.type != "fence" or token.info.strip() != "python":
                    continue
                yield f"{path.relative_to(ROOT)}:{token.map[0] + 1}", textwrap.dedent(text)


def imports(source: str) -> Iterator[tuple[str, str | None]]:
    """The modules of ours that a source imports, and the names from them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def is_public(module: str, name: str | None) -> bool:
    if name is None:
        return module in PUBLIC
    return name in PUBLIC.get(module, []) or f"{module}.{name}" in PUBLIC


SOURCES = [pytest.param(where, text, id=where) for where, text in python_sources()]


@pytest.mark.parametrize(("where", "text"), SOURCES)
def test_only_public_names_are_imported(where, text):
    own = "rlsp_baselines" if where.startswith("rlsp_baselines/src") else "-"
    hidden = [
        (module, name)
        for module, name in imports(text)
        if module.split(".")[0] in {"rlsp_baselines", "rlsp_envs", "rlsp_sb3"} - {own}
        and not is_public(module, name)
    ]
    assert hidden == []


def test_documents_name_what_is_public():
    """A module beside the packages of a distribution may be named, for its docstring."""
    unknown = []
    for pattern in ("*.md", "docs/**/*.md", "rlsp_*/README.md"):
        for path in sorted(ROOT.glob(pattern)):
            for dotted in DOTTED.findall(path.read_text(encoding="utf-8")):
                module, _, name = dotted.rpartition(".")
                is_module = dotted.count(".") == 1 and find_spec(dotted) is not None
                if not (is_public(module, name) or is_module or dotted in PUBLIC):
                    unknown.append((path.name, dotted))
    assert unknown == []


def test_documentation_roles_lead_to_public_names():
    """Such as :class:`~rlsp_sb3.encoders.Encoder`; of a class, its methods and attributes too."""
    broken = []
    for distribution in DISTRIBUTIONS:
        for path in sorted(Path(distribution.__path__[0]).rglob("*.py")):
            for role, dotted in ROLE.findall(path.read_text(encoding="utf-8")):
                module, _, name = dotted.rpartition(".")
                if role in ("meth", "attr"):
                    module, _, name = module.rpartition(".")
                good = find_spec(dotted) is not None if role == "mod" else is_public(module, name)
                if not good:
                    broken.append((path.name, dotted))
    assert broken == []
