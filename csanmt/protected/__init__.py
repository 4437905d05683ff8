"""What must come through a translation untouched: found, shown to the model, put back.

One guard for texts of every interface and every document: ``find`` says what is protected
(``families``), ``guard`` replaces it by copy tokens or names before a sentence is encoded, and
``restore`` puts it back into the answer.
"""
