"""When the rounds of a variant begin, if its policy says so itself."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.domain.policy import Policy
from matcher.simulate.whatif.facts import Facts
from matcher.simulate.whatif.life import Life
from matcher.simulate.whatif.timeline import RoundStart
from matcher.simulate.whatif.watch import RoundWatch


def due_rounds(
    facts: Facts, policy: Policy, life: Life, watch: RoundWatch
) -> Iterator[RoundStart]:
    """
    Yield rounds as the engine's clock of rounds has them.

    Lets the life go on up to where a round may be due at the earliest, and asks again.
    """
    end_us, now_us = facts.timeline.end_us, facts.timeline.start_us
    while now_us < end_us:
        due_us = watch.due_us(policy, life.live_count)
        if due_us is not None and due_us <= now_us:
            yield RoundStart(now_us, facts.order_at(now_us))
            continue
        if due_us is None or policy.round_size or policy.match_limits:
            # Whoever comes next may make one due, or due sooner: under match limits it
            # may be due no sooner than another day has places.
            soon_us = facts.next_us(now_us)
        else:
            soon_us = facts.next_urgent_us(now_us, due_us)
        if due_us is not None:
            soon_us = min(soon_us, due_us)
        now_us = min(soon_us, life.next_happening_us(now_us), end_us)
        life.advance(now_us, facts.order_at(now_us))
    due_us = watch.due_us(policy, life.live_count)
    if due_us is not None and due_us < end_us:
        # What happened last made one due that would have begun before.
        yield RoundStart(end_us, facts.order_at(end_us))
