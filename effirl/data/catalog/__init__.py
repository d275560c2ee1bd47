"""The built-in catalog: parametric families of small programs, each with better alternatives.

Runs on any machine without a download. `docs/catalog.md` shows what was measured of each family.
"""

from effirl.data.catalog.loading import FAMILIES, fresh_inputs, load

__all__ = ["FAMILIES", "fresh_inputs", "load"]
