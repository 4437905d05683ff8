"""Engines: token ids in, token ids out (``csanmt.translator.Engine``)."""
