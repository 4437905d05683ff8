"""Parallel text of our own, from grammars: numbers, money, dates, names, places, talk about them.

A recipe asks for it with ``synthetic:N`` among ``data.corpora``. The origins are ``synthetic-``
and the name of a grammar file (``ORIGINS``): the recipe gives each a weight and lists them under
``data.filter.exact``, since phone numbers and dates are too few letters for the other rules. The
same seed gives the same pairs.

A grammar (``grammars/*.txt``, see ``grammar.py``) draws both sides at once, from values that
``values.py`` writes in both languages, exact by construction. Nothing is taken from a test set,
and the contamination filter of the training looks at this text too.
"""

from __future__ import annotations

from training.synthetic.generation import ORIGINS, generate

__all__ = ["ORIGINS", "generate"]
