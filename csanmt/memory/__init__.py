"""Translation memory: sentences that a person has translated, and where they are found again.

``csanmt.memory.store.TranslationMemory`` keeps them in SQLite; ``csanmt.memory.exchange``
brings them in and out as TMX, TSV and JSON lines.
"""
