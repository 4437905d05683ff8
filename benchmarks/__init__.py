"""Judge translators: quality, behaviour and speed, a candidate against a baseline.

Anything behind ``csanmt.translator.Translator``, any URL that answers
``POST /translate`` and any file of hypotheses can be judged. The verdict is a
machine-readable list of rules with reasons, a page for people, and an evidence
file that the release path verifies (:mod:`benchmarks.evidence`).
"""
