"""Corpora of any size: cut into chunks, translated by many workers, put together again.

``bulk.run.translate_corpus`` is the whole of it. A run that was killed goes on where it
stopped, and ends with the bytes that an undisturbed one would have written: chunks are
cut by the input and the options alone, each is answered by one file that is renamed into
place, and the outputs are made of those files when all are there.
"""
