"""Documents: what is to be translated is taken out, the rest is left byte for byte as it was.

``formats.find("report.docx")`` gives a ``Format``; it opens bytes and answers with
*units* (a paragraph, a cell, a subtitle), each of which shows its text and takes its
translation; ``save()`` writes the document with them. ``translation`` goes the whole
way with any translator. No HTTP here, and nothing is read from or written to the disk.
"""
