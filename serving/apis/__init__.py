"""The APIs that clients speak: one folder each, which exports one ``Api`` made of a ``Backend``.

To add one: a folder here, and its maker in the list of ``serving.app``.
"""
