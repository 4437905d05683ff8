"""What must come through a translation untouched: the families, by example and expression.

Every expression is linear: repeats are bounded or cannot be divided in two ways. None takes in
a Chinese character beside what it protects; where a family may hold Han inside (a wiki link, a
path's folder), the expression says so by name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of protected piece.

    Attributes:
        forms: expressions without groups that capture; matched with ``re.ASCII``.
        examples: pieces of it, as they are tried in the tests and shown in the table.
        glued: ASCII letters and digits right beside it belong to it (``file_{name}.txt``).
        trimmed: a full stop, comma or closing bracket at its end does not belong to it.
    """

    name: str
    about: str
    forms: tuple[str, ...]
    examples: tuple[str, ...]
    glued: bool = False
    trimmed: bool = False

    @property
    def expression(self) -> str:
        return "|".join(self.forms)


_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_NO_WORD = r"(?<![A-Za-z0-9_])"
_ENDS = r"(?![A-Za-z0-9_])"
_NAME = r"[A-Za-z][A-Za-z0-9:_-]{0,40}"  # of an element

_TEMPLATES = (
    Family("comment", "comments of markup", (r"<!--[^<>]{0,300}-->",), ("<!-- a -->",)),
    Family(
        "template",
        "Jinja, ERB, EJS, PHP",
        (
            r"<%[^<>\n]{0,300}%>",
            r"<\?[a-z=][^<>\n]{0,300}\?>",
            r"\{%[^{}\n]{0,300}%\}",
            r"\{#[^{}\n]{0,300}#\}",
        ),
        ("<%= name %>", "<?= $x ?>", "{% if user %}"),
    ),
    Family(
        "braces",
        "i18next, vue, Handlebars, Calibre, KISS-Translator, MediaWiki",
        (r"\{\{\{?[^{}\n]{0,200}\}\}\}?",),
        ("{{name}}", "{{ n, number }}", "{{{raw}}}", "{{id_00001}}", "{{1}}", "{{PLURAL:$1}}"),
        glued=True,
    ),
    Family(
        "brace",
        "Python, .NET, ICU, Rails, shells, PDFMathTranslate",
        (r"[$%#@]?\{[^{}\n\u2e80-\uffff]{0,100}\}",),
        ("{name}", "{0:N2}", "{n, number, integer}", "${name}", "%{count}", "#{user.name}", "{v0}"),
        glued=True,
    ),
    Family(
        "link",
        "MediaWiki, Obsidian, KISS-Translator",
        (r"!?\[\[[^\[\]\n]{1,100}\]\]",),
        ("[[Page|text]]", "[[1]]"),
    ),
    Family(
        "element",
        "an element around nothing: Weblate, Immersive Translate, PDFMathTranslate",
        (rf"<{_NAME}(?:\s[^<>\n]{{0,300}})?></{_NAME}>",),
        ('<x id="1"></x>', "<b0></b0>"),
    ),
    Family(
        "tag",
        "tags of markup",
        (rf"</?{_NAME}(?:\s[^<>\n]{{0,500}})?/?>",),
        ("<br>", "<m id=1 />", '<x id="1"/>'),
    ),
    Family(
        "entity",
        "HTML and XML entities",
        (r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});",),
        ("&nbsp;", "&#8212;", "&#x4e2d;"),
        glued=True,
    ),
    Family("code", "code spans", (r"``[^`\n]{1,300}``", r"`[^`\n]{1,300}`"), ("`a_b`",)),
)

# Of a URL: visible ASCII but for quotes, <, > and what ends a Markdown link's text.
_BODY = r"(?:[!#-;=?-\[_a-~]|\](?![(\[])){0,2000}"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}"
_TOP = (
    "com|org|net|edu|gov|info|io|cn|dev|app|me|co|uk|jp|kr|de|fr|ru|hk|tw|us|eu|tv|ai|cc|xyz|top|"
    "site|online|club|wiki|example|test|local"
)
_PORT = r"(?::[0-9]{2,5}(?![0-9]))"
# Of a path: a folder (a separator follows), a file, a file with Han in its name.
_FOLDER = rf"[A-Za-z0-9._@%+=~$#()\[\]{{}}!&,'{_HAN}-]{{1,100}}"
_FILE = r"(?:[A-Za-z0-9_@%+=~$#-]|[.](?=[A-Za-z0-9_*])|[*]){1,100}"
_HAN_FILE = rf"[A-Za-z0-9_{_HAN}-]{{1,60}}\.[A-Za-z0-9]{{1,5}}(?![A-Za-z0-9])"
_WINDOWS = rf"(?:{_FOLDER}\\){{0,30}}(?:{_HAN_FILE}|{_FILE})?"
_UNIX = rf"(?:/(?:{_FOLDER}(?=/)|{_HAN_FILE}|{_FILE})){{0,30}}/?"

_ADDRESSES = (
    Family(
        "url",
        "URLs",
        (
            rf"{_NO_WORD}[A-Za-z][A-Za-z0-9+.-]{{1,19}}://{_BODY}",
            rf"{_NO_WORD}www\.[A-Za-z0-9]{_BODY}",
        ),
        ("https://example.com/a?b=1&c=2", "ftp://files.example.org", "www.example.com/help"),
        trimmed=True,
    ),
    Family(
        "mail",
        "mail addresses",
        (
            r"(?<![A-Za-z0-9._%+-])(?:mailto:)?[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}"
            r"@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}",
        ),
        ("support@example.com", "first.last+tag@mail.example.co.uk"),
        trimmed=True,
    ),
    Family(
        "host",
        "hosts with a port or a usual ending, IP addresses",
        (
            rf"{_NO_WORD}(?:{_HOST}(?:(?:{_TOP})(?![A-Za-z0-9-]){_PORT}?|[A-Za-z]{{1,20}}{_PORT})"
            r"|(?:localhost|[a-z][a-z0-9-]{1,62}):[0-9]{3,5}(?![0-9])"
            r"|(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\.?[0-9])(?::[0-9]{1,5}|/[0-9]{1,2})?)"
            rf"(?:/{_BODY})?",
        ),
        ("example.com", "db.internal:5432", "localhost:8080/readyz", "192.168.0.1", "10.0.0.0/8"),
        trimmed=True,
    ),
    Family(
        "path",
        "paths of Windows and Unix; a blank ends one unless it is quoted",
        (
            r"(?<=[\"“])[A-Za-z]:\\[^\"“”\n]{1,300}(?=[\"”])",
            rf"{_NO_WORD}[A-Za-z]:\\{_WINDOWS}",
            rf"(?<![\\A-Za-z0-9])\\\\{_FOLDER}\\{_WINDOWS}",
            r"(?<![A-Za-z0-9_/.<>:~)\]-])(?:~|\.{1,2})?/[A-Za-z0-9._@-][A-Za-z0-9._@%+=~$-]{0,99}"
            rf"{_UNIX}",
            r"(?<![A-Za-z0-9_/.:-])(?:[A-Za-z0-9_.-]{1,60}/){1,12}[A-Za-z0-9_-]{1,60}"
            r"(?:\.[A-Za-z0-9]{1,8}){1,3}(?![A-Za-z0-9])",
        ),
        (
            "/home/user/doc/a_b.txt",
            "~/.ssh/config",
            "./run.sh",
            "src/main.py",
            "C:\\Users\\a.txt",
            "\\\\server\\share\\a.doc",
        ),
        trimmed=True,
    ),
    Family(
        "handle",
        "@names, packages",
        (
            r"(?<![A-Za-z0-9_.@/])@[A-Za-z0-9_][A-Za-z0-9_-]{0,38}(?:[./][A-Za-z0-9_-]{1,40})?"
            r"(?![A-Za-z0-9_@])",
        ),
        ("@zhang_san", "@scope/package"),
    ),
)

_DIGITS = r"[-+0#]?[0-9]{0,3}(?:\.[0-9]{1,2})?(?:hh|ll|[hlqzjtL])?"  # width, precision, length
_NO_NUMBER = r"(?<![0-9A-Za-z])"  # 50%d… is a percentage

_PLACEHOLDERS = (
    Family(
        "printf",
        "printf, Python, Ruby, Android, iOS, Qt, Windows",
        (
            r"%(?:\([A-Za-z0-9_. -]{1,40}\)|[0-9]{1,2}\$|<[A-Za-z0-9_]{1,40}>)"
            rf"{_DIGITS}[A-Za-z@]",
            rf"{_NO_NUMBER}%#@[A-Za-z0-9_]{{1,40}}@",
            rf"{_NO_NUMBER}(?:%[0-9A-Fa-f]{{2}}){{2,200}}",
            rf"{_NO_NUMBER}%[A-Za-z_][A-Za-z0-9_]{{1,40}}%",
            r"(?<![0-9])%%",
            rf"{_NO_NUMBER}%{_DIGITS}[diouxXeEfFgGcsaAp@n]",
            rf"{_NO_NUMBER}%L?[0-9]{{1,2}}(?![0-9%])",
            r"(?<=[A-Za-z])%[sd](?![A-Za-z])",
        ),
        (
            "%s",
            "%1$s",
            "%(name)s",
            "%<n>d",
            "%d",
            "%.2f",
            "%@",
            "%1",
            "%%",
            "%PATH%",
            "%#@files@",
        ),
        glued=True,
    ),
    Family(
        "dollar",
        "WebExtensions, MediaWiki, shells, i18next",
        (
            r"(?<![A-Za-z0-9])\$(?:[A-Za-z0-9_@]{1,60}\$|t\([^()\n]{1,100}\)"
            r"|[0-9]{1,2}(?![0-9%$]|[.,][0-9]|\s?[万亿千百美港澳])"
            r"|[A-Za-z_][A-Za-z0-9_]{0,60}(?:->[A-Za-z_][A-Za-z0-9_]{0,40})?)",
        ),
        ("$USER_NAME$", "$1", "$name", "$t(common.ok)", "$v0$"),
    ),
    Family(
        "linked message",
        "vue",
        (
            r"(?<![A-Za-z0-9])@(?:\.[a-z]{1,20})?:(?:\([A-Za-z0-9_.]{1,60}\)"
            r"|[A-Za-z][A-Za-z0-9_]{0,40}(?:\.[A-Za-z0-9_]{1,40}){0,8})",
        ),
        ("@:message.hello", "@.lower:name"),
    ),
    Family(
        "underscores",
        "names in double underscores",
        (rf"{_NO_WORD}__[A-Za-z0-9](?:[A-Za-z0-9]|_(?!_)){{0,60}}__{_ENDS}",),
        ("__name__", "__USER_ID__"),
    ),
    Family("mnemonic", "keys of menus", (r"\([_&][A-Za-z0-9]\)",), ("(_O)", "(&F)")),
    Family(
        "note",
        "note numbers, Weblate",
        (r"\[(?:\^?[0-9]{1,4}|X[0-9]{1,6}X|\^[A-Za-z0-9_-]{1,40})\]",),
        ("[1]", "[^2]", "[X1X]"),
    ),
    Family(
        "escape",
        "escapes in strings",
        (r"\\(?:[nrt](?![A-Za-z0-9])|u[0-9A-Fa-f]{4}|[\"'@?])",),
        ("\\n", "\\'", "\\u4e2d"),
    ),
    Family(
        "shortcode",
        "emoji by name",
        (r"(?<![A-Za-z0-9:]):[a-z][a-z0-9_+-]{1,30}:(?![A-Za-z0-9:])",),
        (":smile:", ":thumbs_up:"),
    ),
)

_LOW, _HIGH = r"[0-9a-f]{7,64}", r"[0-9A-F]{32,64}"
_SCRIPT = r"[\u2070-\u209c\u00b2\u00b3\u00b9]"

_CODES = (
    Family(
        "hash",
        "hashes, UUIDs, hexadecimal numbers",
        (
            rf"{_NO_WORD}[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}}{_ENDS}",
            rf"{_NO_WORD}0x[0-9A-Fa-f]{{1,64}}{_ENDS}",
            rf"{_NO_WORD}(?=[a-f]{{0,64}}[0-9])(?=[0-9]{{0,64}}[a-f]){_LOW}{_ENDS}",
            rf"{_NO_WORD}(?=[A-F]{{0,64}}[0-9])(?=[0-9]{{0,64}}[A-F]){_HIGH}{_ENDS}",
        ),
        ("9f447d6", "550e8400-e29b-41d4-a716-446655440000", "0x1F600"),
    ),
    Family(
        "hashtag",
        "hashtags, to a blank, punctuation, a closing # or Han after a letter or digit; ICU's #",
        (
            r"(?<![A-Za-z0-9_&#])#(?![个条次项件张份封位名页种])"
            rf"(?:[{_HAN}]{{0,30}}[A-Za-z0-9_]{{1,60}}|[{_HAN}]{{1,30}})#?",
            r"(?<![A-Za-z0-9_&#])#(?![A-Za-z0-9_#])",
        ),
        ("#release2024", "#1234", "#ff0000"),
    ),
    Family(
        "version",
        "versions",
        (
            rf"{_NO_WORD}(?<![0-9]\.)(?:[vV][0-9]{{1,6}}(?:\.[0-9]{{1,6}}){{0,4}}"
            r"|[0-9]{1,6}(?:\.[0-9]{1,6}){2,4})"
            rf"(?:[-+][0-9A-Za-z][0-9A-Za-z.-]{{0,40}})?{_ENDS}",
        ),
        ("1.2.3", "v2.0.0-rc.1", "v3", "2.4.1+build.5"),
        trimmed=True,
    ),
    Family(
        "number",
        "IBAN, serial and order numbers",
        (
            rf"{_NO_WORD}[A-Z]{{2}}[0-9]{{2}}(?: [A-Z0-9]{{4}}){{2,7}}(?: [A-Z0-9]{{1,3}})?{_ENDS}",
            # with three digits, a capital letter, and seven characters or more
            rf"{_NO_WORD}(?=(?:[A-Z-]{{0,40}}[0-9]){{3}})(?=[0-9-]{{0,40}}[A-Z])"
            rf"(?=[A-Z0-9-]{{7}})[A-Z0-9]{{1,40}}(?:-[A-Z0-9]{{1,40}}){{0,6}}{_ENDS}",
        ),
        ("DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "ABC-12345", "SN20241128X"),
    ),
    Family(
        "option",
        "options of a command line",
        (
            r"(?<![A-Za-z0-9_-])--[a-z][a-z0-9-]{1,40}"
            r"(?:=[A-Za-z0-9_./:@%+-]{1,100})?",
        ),
        ("--dry-run", "--port=80"),
        trimmed=True,
    ),
    Family(
        "script",
        "a Latin run with sub- or superscripts",
        (
            r"(?<![A-Za-z0-9])[A-Za-z0-9]{1,40}(?:\([A-Za-z0-9]{1,20}\)[A-Za-z0-9]{0,5}){0,3}"
            rf"(?:{_SCRIPT}{{1,8}}[A-Za-z0-9]{{0,20}}){{1,8}}",
        ),
        ("H₂O", "mc²", "10⁻³"),
    ),
)

FAMILIES: tuple[Family, ...] = (*_TEMPLATES, *_ADDRESSES, *_PLACEHOLDERS, *_CODES)
