"""Stored glossaries: the store, our own routes and DeepL's."""
