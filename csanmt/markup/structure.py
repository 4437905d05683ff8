"""Which tags belong together, which elements are kept whole, which end a sentence."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from csanmt.markup.rules import Rules
from csanmt.markup.segments import partners
from csanmt.markup.tokens import Token, TokenKind, attributes


class Structure:
    """Facts about tokens, however broken, by index; found in time linear in their number.

    Attributes:
        partner: the other tag of a pair; pairs never cross, and what has no partner is absent.
        splitting: tags that end a sentence.
        kept: first and last token of what is not translated: whole elements, or the parts of
            one around what in it is to be translated all the same.
        islands: first tokens of such parts, which a text must not be joined across.
        preformatted: tokens inside ``<pre>`` and ``<textarea>``, whose line breaks count.
    """

    def __init__(self, tokens: Sequence[Token], rules: Rules) -> None:
        self._tokens, self._rules = tokens, rules
        paired = (TokenKind.START, TokenKind.END)
        self.partner = partners(
            (i, t.name, t.kind is TokenKind.END) for i, t in enumerate(tokens) if t.kind in paired
        )
        self.splitting = self._splitting()
        self.preformatted = self._preformatted()
        self.kept: dict[int, int] = {}
        self.islands: set[int] = set()
        self._find_kept()

    def _find_kept(self) -> None:
        wanted = {i: w for i, t in enumerate(self._tokens) if (w := self._wish(t)) is not None}
        yes = [i for i, wish in wanted.items() if wish and i in self.partner]
        reading_end = self._reading_ends()
        i = 0
        while i < len(self._tokens):
            if i in self.kept:
                i = self.kept[i] + 1
                continue
            if i in reading_end:
                self.kept[i] = reading_end[i]
            elif wanted.get(i) is False and i in self.partner:
                self._keep(i, self.partner[i], yes)
            i = self.kept.get(i, i) + 1

    def _keep(self, first: int, last: int, yes: list[int]) -> None:
        """Keep an element, but for what in it says ``translate="yes"``."""
        at, k = first, bisect_left(yes, first + 1)
        while k < len(yes) and yes[k] < last:
            island = yes[k]
            self.kept[at] = island - 1
            self.islands.add(at)
            at = self.partner[island] + 1
            k = bisect_left(yes, at)
        self.kept[at] = last
        if at > first:
            self.islands.add(at)

    def _wish(self, token: Token) -> bool | None:
        """What a start tag says about its element; None: nothing."""
        if token.kind is not TokenKind.START:
            return None
        usual = False if token.name in self._rules.kept else None
        raw = token.raw.lower()
        if "translate" not in raw:
            return usual
        found = attributes(token.raw)
        classes = () if self._rules.xml else found.get("class", "").lower().split()
        said = found.get("translate")
        if (said or "").lower() == "no" or "notranslate" in classes:
            return False
        return True if said is not None and said.lower() in ("yes", "") else usual

    def _reading_ends(self) -> dict[int, int]:
        """Readings above the words of a ruby: first and last token of each, closed or not."""
        if self._rules.xml:
            return {}
        found: dict[int, int] = {}
        end = len(self._tokens) - 1
        for i in range(len(self._tokens) - 1, -1, -1):
            token = self._tokens[i]
            if token.name == "ruby" or (token.kind is TokenKind.START and is_reading(token.name)):
                if token.name != "ruby":
                    found[i] = self.partner.get(i, end)
                end = i - 1
        return found

    def _splitting(self) -> set[int]:
        tags, names = (TokenKind.START, TokenKind.END, TokenKind.EMPTY), self._rules.splitting
        found = {i for i, t in enumerate(self._tokens) if t.kind in tags and t.name in names}
        if self._rules.outline:
            found |= self._outline()
        return {i for i in found if self._tokens[i].name not in self._rules.non_splitting}

    def _outline(self) -> set[int]:
        """Tags of elements that stand where no text stands beside them."""
        parents: dict[int, int] = {}
        with_text: set[int] = set()
        stack = [-1]
        for i, token in enumerate(self._tokens):
            if token.kind is TokenKind.START and i in self.partner:
                parents[i] = stack[-1]
                stack.append(i)
            elif token.kind is TokenKind.END and i in self.partner:
                stack.pop()
            elif token.kind in (TokenKind.TEXT, TokenKind.CDATA) and token.raw.strip():
                with_text.add(stack[-1])
        found = {i for i, parent in parents.items() if parent not in with_text}
        return found | {self.partner[i] for i in found}

    def _preformatted(self) -> set[int]:
        found: set[int] = set()
        end = -1
        for i, token in enumerate(() if self._rules.xml else self._tokens):
            if token.kind is TokenKind.START and token.name in ("pre", "textarea") and i > end:
                end = self.partner.get(i, len(self._tokens))
            if i < end:
                found.add(i)
        return found


def is_reading(name: str) -> bool:
    """Whether an element of HTML says how a word is read, and not what it is."""
    return name in ("rt", "rp", "rtc")
