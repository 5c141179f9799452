"""Who waits on although a younger item got what it could have had."""

from __future__ import annotations

from matcher.domain.ids import ReturnId
from matcher.engine.commands import CancelReturn
from tests.scenarios import MINUTE_US, RunningShard, demand, return_item

# Two kilometres further from the buyer, so that the younger item saves more.
FAR_M = -2_000


def _two(shard: RunningShard) -> None:
    shard.submit(return_item("older", FAR_M))
    shard.now_us += 5 * MINUTE_US
    shard.submit(return_item("younger"))


def test_an_older_item_is_overtaken(shard: RunningShard) -> None:
    """One unit, and the younger saves more: the older has waited five minutes."""
    _two(shard)
    shard.upsert(demand("d1", 1_000))
    record = shard.round()
    assert (record.overtaken_count, record.overtaken_wait_us) == (1, 5 * MINUTE_US)


def test_a_unit_for_each_overtakes_nobody(shard: RunningShard) -> None:
    """Both are matched; and who could not have had the unit was not overtaken."""
    _two(shard)
    shard.submit(return_item("stranger", sku="coat"))
    shard.upsert(demand("d1", 1_000, quantity=2))
    record = shard.round()
    assert (record.matched_count, record.overtaken_count) == (2, 0)
    assert record.overtaken_wait_us == 0


def test_a_younger_item_that_waits_was_not_overtaken(shard: RunningShard) -> None:
    """The older is nearer and gets the unit: all in their order."""
    shard.submit(return_item("older"))
    shard.now_us += 5 * MINUTE_US
    shard.submit(return_item("younger", FAR_M))
    shard.upsert(demand("d1", 1_000))
    record = shard.round()
    assert (record.matched_count, record.overtaken_count) == (1, 0)


def test_who_left_meanwhile_was_not_overtaken(shard: RunningShard) -> None:
    """The older was called off while the round was solved: nobody waits."""
    _two(shard)
    shard.upsert(demand("d1", 1_000))
    record = shard.round(lambda: shard.apply(CancelReturn(ReturnId("older"))))
    assert (record.matched_count, record.overtaken_count) == (1, 0)
