"""Markup kept through translation: HTML, XML, and formatting of any kind.

>>> from csanmt.markup import html_rules, parse_markup, translate_documents
>>> document = parse_markup("<p>我<b>爱</b>你。</p>", html_rules())
>>> translate_documents(translator, [document])
['<p>I <b>love</b> you.</p>']

A format of your own: make a segment of each paragraph (texts and ``Tag``s), call
``translate_marked`` with what ``marked`` makes of them, and write the ``segment()`` of what
comes back.
"""

from csanmt.markup.alignment import AlignedText, of_translation
from csanmt.markup.document import MarkupDocument, TaggedDocument, parse_markup
from csanmt.markup.marked import MarkedText, Placed, is_atom
from csanmt.markup.placement import place
from csanmt.markup.rules import Rules, html_rules, xml_rules
from csanmt.markup.segments import Segment, Tag, pair
from csanmt.markup.translate import translate_documents, translate_marked
from csanmt.markup.words import marked

__all__ = [
    "AlignedText",
    "MarkedText",
    "MarkupDocument",
    "Placed",
    "Rules",
    "Segment",
    "Tag",
    "TaggedDocument",
    "html_rules",
    "is_atom",
    "marked",
    "of_translation",
    "pair",
    "parse_markup",
    "place",
    "translate_documents",
    "translate_marked",
    "xml_rules",
]
