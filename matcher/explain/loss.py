"""What a round would have had less of, if one return had been somewhere else."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.objective import Objective
from matcher.policy.words import metres_words, micros_words


@dataclass(frozen=True, slots=True)
class Loss:
    """
    The difference of two rounds, of which one is the best by its objective.

    Parameters
    ----------
    micros
        What is saved less. Below 0 it is more: fewer matches, or shorter ways, may
        save more where the objective puts those first.
    match_count
        Matches less. Below 0 there are more: where the saving is the objective, more
        matches may save less.
    added_m
        Metres more that all matches go. Below 0 they go less far.
    """

    micros: int
    match_count: int = 0
    added_m: int = 0


def loss_words(loss: Loss, objective: Objective) -> str:
    """
    Say a loss, what comes first first: ``1 match fewer and 5 micros less``.

    Matches are named where their number differs, metres where they are what counts.
    """
    said = [_saving_words(loss.micros)]
    if loss.match_count:
        count = abs(loss.match_count)
        matches = f"{count:,} match{'' if count == 1 else 'es'}"
        said.insert(0, f"{matches} {'fewer' if loss.match_count > 0 else 'more'}")
    if objective is Objective.MAX_MATCHES_THEN_DISTANCE and loss.added_m:
        way = "farther" if loss.added_m > 0 else "less far"
        said.append(f"{metres_words(abs(loss.added_m))} {way}")
    *most, last = said
    return f"{', '.join(most)} and {last}" if most else last


def _saving_words(micros: int) -> str:
    if micros < 0:
        return f"{micros_words(-micros)} more"
    return f"{micros_words(micros)} less"
