"""How many places a volume cap lacked, held against asking again."""

from __future__ import annotations

from matcher.domain.policy import VolumeCap
from matcher.domain.reason import ReasonCode
from matcher.engine.commands import SubmitReturns
from matcher.simulate.recorded_admission import Asking, recorded_asking
from tests.scenarios import HOUR_US, MINUTE_US, TENANT, policy, return_item
from tests.scenarios.lived_shard import BEGINNING, LivedShard


def _lived(*batches: int) -> LivedShard:
    """Return a shard with a cap of a half, to which batches of returns came."""
    shard = LivedShard()
    shard.activate(policy(volume_cap=VolumeCap(5_000, 24 * HOUR_US)))
    for number, count in enumerate(batches):
        shard.now_us += MINUTE_US
        # Against the order in which they are asked, which is by id.
        items = [return_item(f"r{number}{n:02}") for n in reversed(range(count))]
        shard.apply(SubmitReturns(tuple(items), tuple(i.return_id for i in items)))
    return shard


def _missing(shard: LivedShard) -> dict[str, int]:
    found: dict[str, int] = {}
    for decision in shard.store.rows.decisions:
        if any(r.code is ReasonCode.VOLUME_CAP_REACHED for r in decision.reasons):
            asking = recorded_asking(
                TENANT, BEGINNING, shard.journal, decision.decision_id
            )
            assert asking is not None
            found[decision.return_id] = asking.missing_places()
    return found


def test_each_of_a_batch_lacks_what_those_before_it_do_besides() -> None:
    """Every other one of six gets a place; the first refused lacks one, and so on."""
    assert _missing(_lived(6)) == {"r000": 1, "r002": 2, "r004": 3}


def test_one_at_a_time_each_lacks_one() -> None:
    """Those that were refused by calls before are not asked again."""
    assert _missing(_lived(1, 1, 1, 1, 1)) == {"r000": 1, "r200": 1, "r400": 1}


def test_a_window_that_has_moved_on_may_lack_more() -> None:
    """Three of four places taken, of a half: two more, and one is not enough."""
    asking = Asking(VolumeCap(5_000, HOUR_US), 4, 4, (True,))
    assert asking.missing_places() == 3
    assert asking.gets_place(3)
    assert not asking.gets_place(2)


def test_it_is_exact_for_whoever_is_asked_last() -> None:
    """Against a loop over all numbers of places, for batches of every make-up."""
    for eligible in range(5):
        for admitted in range(eligible + 1):
            for bits in range(16):
                asks = (*(bool(bits >> at & 1) for at in range(4)), True)
                cap = VolumeCap(3_000, HOUR_US)
                asking = Asking(cap, eligible, admitted, asks)
                if asking.gets_place(0):
                    continue
                every = [asking.gets_place(more) for more in range(20)]
                missing = asking.missing_places()
                assert every == [more >= missing for more in range(20)]


def test_a_journal_that_ends_before_the_refusal() -> None:
    """It gives nothing."""
    shard = _lived(1)
    (refused,) = shard.store.rows.decisions
    found = recorded_asking(TENANT, BEGINNING, shard.journal[:-1], refused.decision_id)
    assert found is None
