"""What every suite shares: the rules by which property tests run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The same examples on every machine and in every run: a change that turns a test red
# is a change of ours. Compiling a kernel in the first example is no fault of it.
settings.register_profile(
    "nearturn",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("nearturn")
