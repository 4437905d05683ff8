"""The release path as a library: version, lock, build, image, push, ledger.

Nothing is imported here, so ``import release`` stays free of BentoML.
"""
