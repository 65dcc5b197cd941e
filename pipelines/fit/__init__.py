"""Fits the models of retention and customer value: BG/NBD, MBG/NBD, Pareto/NBD, Gamma-Gamma.

`sample` reads sufficient statistics, `fit` finds the parameters and what follows from them, `tables` keeps both in
schema `fits` of the warehouse. docs/models.md explains each model and when not to trust it.
"""

from pipelines.fit.fit import fit_models
from pipelines.fit.outcome import Fit, Fits
from pipelines.fit.sample import Sample, read_sample

__all__ = ["Fit", "Fits", "Sample", "fit_models", "read_sample"]
