"""Markup kept through translation: HTML, XML, and formatting of any kind.

>>> from csanmt.markup import html_rules, parse_markup, translate_documents
>>> document = parse_markup("<p>我<b>爱</b>你。</p>", html_rules())
>>> translate_documents(translator, [document])
['<p>I <b>love</b> you.</p>']

A format of your own: make a ``MarkedText`` of each paragraph,
call ``translate_marked``, and write the ``pieces()`` of what comes back.
"""

from csanmt.markup.alignment import AlignedText, assemble, of_translation
from csanmt.markup.document import MarkupDocument, parse_markup
from csanmt.markup.marked import (
    Kind,
    Mark,
    MarkedText,
    MarkupEvent,
    Placed,
    atom_character,
    is_atom,
)
from csanmt.markup.placement import place
from csanmt.markup.rules import Rules, Sentences, html_rules, xml_rules
from csanmt.markup.translate import translate_documents, translate_marked

__all__ = [
    "AlignedText",
    "Kind",
    "Mark",
    "MarkedText",
    "MarkupDocument",
    "MarkupEvent",
    "Placed",
    "Rules",
    "Sentences",
    "assemble",
    "atom_character",
    "html_rules",
    "is_atom",
    "of_translation",
    "parse_markup",
    "place",
    "translate_documents",
    "translate_marked",
    "xml_rules",
]
