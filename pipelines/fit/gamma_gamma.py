"""Gamma-Gamma: what a purchase day of a customer is worth, from the mean of those seen.

Fader, Hardie: The Gamma-Gamma Model of Monetary Value, 2013 (brucehardie.com, note 025). A customer's days of
purchase are gamma (p, nu) around the customer's own mean, and nu differs between customers by a gamma (q, v).
It supposes that spend does not depend on how often one buys.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from pipelines.fit.histories import Floats, Spends


class GammaGamma:
    """The likelihood and what follows from parameters (p, q, v); v has the unit of money."""

    name = "gamma_gamma"
    parameters = ("p", "q", "v")

    def starts(self, spends: Spends) -> list[list[float]]:
        """Where to begin without a last night."""
        mean = float(np.average(spends.mean_spend, weights=spends.count))
        return [[2.0, 3.0, mean], [6.0, 4.0, mean / 2], [1.0, 2.0, mean], [10.0, 10.0, mean]]

    def likelihood(self, parameters: Floats, spends: Spends) -> tuple[float, Floats]:
        """Mean log-likelihood of a repeat buyer and its gradient."""
        p, q, v = parameters
        kinds, of = np.unique(spends.x, return_inverse=True)
        total = spends.count.sum()

        def mean(values: Floats) -> float:
            return float(np.dot(values, spends.count) / total)

        px = p * kinds
        fixed = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v) + px * np.log(kinds)
        x, z = spends.x, spends.mean_spend
        log_sum = np.log(x * z + v)
        by_p = kinds * (digamma(px + q) - digamma(px) + np.log(kinds))
        by_q = digamma(px + q) - digamma(q) + np.log(v)
        gradient = np.array(
            [
                mean(by_p[of] + x * np.log(z) - x * log_sum),
                mean(by_q[of] - log_sum),
                mean(q / v - (p * x + q) / (x * z + v)),
            ]
        )
        return mean(fixed[of] + (p * x - 1) * np.log(z) - (p * x + q) * log_sum), gradient

    def expected(self, parameters: Floats, x: Floats, mean_spend: Floats) -> Floats:
        """Expected spend of a customer's purchase day: between the population's mean and the customer's own."""
        p, q, v = parameters
        return np.asarray(p * (v + x * np.where(x > 0, mean_spend, 0.0)) / (p * x + q - 1))


GAMMA_GAMMA = GammaGamma()
