"""Speed of the CPU engine beside CTranslate2 and the torch reference.

Run ``python -m benchmarks.engine --help``.
"""
