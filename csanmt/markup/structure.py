"""Which tags belong together, which elements are kept whole, which end a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from csanmt.markup.rules import Rules
from csanmt.markup.tokens import Token, TokenKind, attributes


@dataclass(frozen=True, slots=True)
class Structure:
    """Facts about tokens, by index.

    Attributes:
        partner: the other tag of a pair; pairs never cross, and what has no partner is absent.
        splitting: tags that end a sentence.
        kept: start tags whose whole element is not translated.
        preformatted: tokens inside ``<pre>``, whose line breaks count.
    """

    partner: dict[int, int]
    splitting: frozenset[int]
    kept: frozenset[int]
    preformatted: frozenset[int]


def analyse(tokens: Sequence[Token], rules: Rules) -> Structure:
    """Read the structure of ``tokens``, however broken; linear in their number."""
    partner = _pairs(tokens)
    return Structure(
        partner,
        frozenset(_splitting(tokens, partner, rules)),
        frozenset(i for i, t in enumerate(tokens) if i in partner and _is_kept(t, rules)),
        frozenset(_preformatted(tokens, partner, rules)),
    )


def _pairs(tokens: Sequence[Token]) -> dict[int, int]:
    """An end tag closes the nearest open element of its name; what is open above stays alone."""
    partner: dict[int, int] = {}
    stack: list[int] = []
    waiting: dict[str, int] = {}
    for i, token in enumerate(tokens):
        if token.kind is TokenKind.START:
            stack.append(i)
            waiting[token.name] = waiting.get(token.name, 0) + 1
        elif token.kind is TokenKind.END and waiting.get(token.name):
            while True:
                opened = stack.pop()
                waiting[tokens[opened].name] -= 1
                if tokens[opened].name == token.name:
                    break
            partner[opened], partner[i] = i, opened
    return partner


def _is_kept(token: Token, rules: Rules) -> bool:
    if token.kind is not TokenKind.START:
        return False
    if token.name in rules.kept:
        return True
    raw = token.raw.lower()
    if "translate" not in raw:
        return False
    found = attributes(token.raw)
    classes = () if rules.xml else found.get("class", "").lower().split()
    return found.get("translate", "").lower() == "no" or "notranslate" in classes


def _splitting(tokens: Sequence[Token], partner: dict[int, int], rules: Rules) -> set[int]:
    tags = (TokenKind.START, TokenKind.END, TokenKind.EMPTY)
    found = {i for i, t in enumerate(tokens) if t.kind in tags and t.name in rules.splitting}
    if rules.outline:
        found |= _outline(tokens, partner)
    return {i for i in found if tokens[i].name not in rules.non_splitting}


def _outline(tokens: Sequence[Token], partner: dict[int, int]) -> set[int]:
    """Tags of elements that stand where no text stands beside them."""
    parents: dict[int, int] = {}
    with_text: set[int] = set()
    stack = [-1]
    for i, token in enumerate(tokens):
        if token.kind is TokenKind.START and i in partner:
            parents[i] = stack[-1]
            stack.append(i)
        elif token.kind is TokenKind.END and i in partner:
            stack.pop()
        elif token.kind in (TokenKind.TEXT, TokenKind.CDATA) and token.raw.strip():
            with_text.add(stack[-1])
    found = {i for i, parent in parents.items() if parent not in with_text}
    return found | {partner[i] for i in found}


def _preformatted(tokens: Sequence[Token], partner: dict[int, int], rules: Rules) -> set[int]:
    if rules.xml:
        return set()
    found: set[int] = set()
    end = -1
    for i, token in enumerate(tokens):
        if token.kind is TokenKind.START and token.name == "pre" and i > end:
            end = partner.get(i, len(tokens))
        if i < end:
            found.add(i)
    return found
