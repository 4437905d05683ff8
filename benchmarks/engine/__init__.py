"""Speed of the CPU engine beside CTranslate2, its memory, and what int8 costs.

Run ``python -m benchmarks.engine --help``.
"""
