"""MuJoCo environments whose observed states show what nobody wanted, beside what somebody did.

An entry of the observation is extreme in a state that a person left behind, and not because the
person wanted it so. What each method should infer was written down before any was run.

``HalfCheetahFuel-v0``, of size 18: Gymnasium's half cheetah, and a gauge of the fuel that is left
(:class:`~rlsp_envs.wrappers.FuelGauge`). Running well uses it up; nobody wants it low.

- AverageFeatures wants it low: the gauge of a runner is further from that of random behavior than
  most of its posture.
- What random actions would have done in the same time (contrast) tells little better: they use less
  fuel than a runner, so that the runner seems to want it low.
- RLSP should come near 0: somebody who wants to run fast uses that much fuel anyway. It can only
  do so once the policy for the inferred reward runs as well as the person.

``InvertedPendulumDrift-v0``, of size 5: Gymnasium's inverted pendulum, and an entry that approaches
1 by itself (:class:`~rlsp_envs.wrappers.Drift`). Nobody acts on it; it is high because the person
was there for long.

- AverageFeatures wants it high, more than anything else: it is further from where random behavior
  had it than the pole is, which stands at 0.
- Contrast says 0 if it is told for how long the person was there, and that the person wants it
  high if it is told a shorter time.
- RLSP should say 0 at any horizon: whatever somebody does, the entry is the same.

Observations are positions (m, rad) and velocities (m/s, rad/s), and the entry, in [0, 1]. They
restore the state. Rewards are those of Gymnasium, with their terms in ``info``; the entry is no
part of them. Episodes last 1000 steps. Arguments of Gymnasium's classes go through ``gym.make``.
"""

from rlsp_envs.mujoco import EntryPoint, HalfCheetahEnv, InvertedPendulumEnv
from rlsp_envs.wrappers import Drift, FuelGauge

make_half_cheetah_fuel = EntryPoint(HalfCheetahEnv, FuelGauge)
make_inverted_pendulum_drift = EntryPoint(InvertedPendulumEnv, Drift)
