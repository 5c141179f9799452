"""What a trip costs: by the kilometre, or by the zones of a carrier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.domain.policy import CostModel

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def trip_micros(
    distance_m: IntArray, base_micros: IntArray, per_km_micros: IntArray
) -> IntArray:
    """
    Price trips by distance.

    Parameters
    ----------
    distance_m
        Metres, ``int64``, at most 20,037,509 (half the globe).
    base_micros, per_km_micros
        Prices, ``int64``, at most 10**12 and 10**9; broadcast against distances.

    Returns
    -------
    numpy.ndarray
        Micros, ``int64``, the broadcast shape; the per-kilometre part rounds half
        up. Below 2.2e16, so no sum of two overflows.
    """
    return base_micros + (per_km_micros * distance_m + 500) // 1000


@dataclass(frozen=True, slots=True)
class LabelRates:
    """
    Prices of labels to buyers, from a cost model.

    With zones, the first one (by distance, then weight) that holds both distance
    and weight counts, bounds included; a pair outside every zone has no label.
    """

    base_micros: int
    per_km_micros: int
    zone_distance_m: IntArray
    zone_weight_grams: IntArray
    zone_price_micros: IntArray

    @classmethod
    def of(cls, cost_model: CostModel) -> LabelRates:
        """Take the rates out of a cost model."""
        zones = cost_model.zones
        return cls(
            base_micros=cost_model.label_base_micros,
            per_km_micros=cost_model.label_per_km_micros,
            zone_distance_m=np.array([z.max_distance_m for z in zones], np.int64),
            zone_weight_grams=np.array([z.max_weight_grams for z in zones], np.int64),
            zone_price_micros=np.array([z.price_micros for z in zones], np.int64),
        )

    def price(
        self, distance_m: IntArray, weight_grams: IntArray
    ) -> tuple[IntArray, BoolArray]:
        """
        Price one label per pair.

        Parameters
        ----------
        distance_m, weight_grams
            ``int64 (e,)``, metres and grams.

        Returns
        -------
        tuple of numpy.ndarray
            Price in micros, ``int64 (e,)``, and whether there is a label at all,
            ``bool (e,)``; the price is 0 where there is none.
        """
        if not len(self.zone_distance_m):
            price = trip_micros(
                distance_m,
                np.array(self.base_micros, np.int64),
                np.array(self.per_km_micros, np.int64),
            )
            return price, np.ones(distance_m.shape, np.bool_)
        price = np.zeros(distance_m.shape, np.int64)
        found = np.zeros(distance_m.shape, np.bool_)
        for bound_m, bound_grams, zone_price in zip(
            self.zone_distance_m,
            self.zone_weight_grams,
            self.zone_price_micros,
            strict=True,
        ):
            hit = ~found & (distance_m <= bound_m) & (weight_grams <= bound_grams)
            price[hit] = zone_price
            found |= hit
        return price, found
