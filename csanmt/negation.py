"""Whether a Chinese sentence negates, and whether its English does.

Both sides are read cautiously: a sentence counts as negated only where that is plain (不, 没,
无法 outside fixed words such as 不过, 非常, 未来), and as free of negation only where nothing
in it could bring a "not" about. What is unclear is left alone.
"""

from __future__ import annotations

import re

_FIXED = re.compile(  # words with a negating character that negate nothing
    "不(?:仅|但|过|断|少|久|管|论|禁|由|如|妨|惜|同|错|料|安|幸|良|朽|锈|动产|倒翁|丹|明|约而同|可思议"
    "|知不觉|一样|一而足|言而喻|得不|能不|可不|是吗|是嘛|行了|只|单|见得|至于|愧|了了|服|满|利|定|"
    "乏|外乎|例外|休|停|懈|可避免|可或缺|到[一两二三四五六七八九十半\\d]|足|已|懂装懂|平等|信任|稳定)"
    "|是不是|能不能|会不会|要不要|有没有|好不好|对不对|可不可以|差不多|对不起|了不起"
    "|要不是|要不|忍不住|免不了|少不了|离不开|不得不|不能不|不无|无不|无非|来不及|迫不及待|不甘"
    "|[要么]不然|不然|无论|无数|无疑|无线|无人机|无症状|无家可归|无锡|无比|无限|无论如何|无辜|虚无|无菌"
    "|那不勒斯|不饱和|不适|不凡|不二|无核|无期徒刑|不屑|不可阻挡|挥之不去|直言不讳|不合格|不景气|无处不在|赞不绝口"
    "|不等(?=[。，,；;的]|$)|不舍昼夜|[很好]久没|多年没|不择手段|不在话下|必不可少|不用说|玩世不恭|不明|不熟|不太|不错|不可分|不可逆|不规则|不锈钢|没问题|不对称|不透明"
    "|未来|未必|未婚|未成年|未知|未免|前所未有|史无前例|非常|非洲|非法|非典|是非|除非|非营利|非政府|南非|非得"
    "|莫斯科|莫名|莫过于|莫大|别人|别的|特别|区别|分别|级别|性别|个别|别墅|告别|识别|鉴别|类别|离别|派别|差别|别名"
    "|否则|是否|能否|可否|否认|否定|否决|没收|没落|沉没|淹没|出没|埋没|没错|没关系|没事|没什么|没准"
)
_EITHER = re.compile(r"([^\W\d_]{1,2})[不没]\1")  # 喜欢不喜欢: whether
_PLAIN = re.compile(
    "不(?!$)|未|没有|没办法|没(?=[能想去来说做看到见吃用让给法])|无法|并非|绝非|决非|勿|从没|毫无|无权|无需|无须"
)
_COULD = re.compile(  # anything that an English "not" may come from
    "[不没未无非别勿莫否免缺拒禁防避除反难少差失停绝弃漏忘误错怎哪谁岂才只仅很过尚还再早晚空虚假暂"
    "罢废止亏欠孤独单零哑盲聋瞎笨坏疑惜阻抗抵挡戒忌怕烦毋休甭何吗？?么…]|放心"
)
_QUOTED = re.compile('[“"「][^”"」]{0,4}[”"」]')
EXPLICIT = re.compile(
    r"\b(?:not(?!\s+(?:only|just|merely|to\s+mention|least|until|bad|as\s+much))|cannot|never|"
    r"(?<!to )none|nothing|nobody|nowhere|neither|nor|without|"
    r"no(?!\.?\s?\d|\s+(?:matter\b(?!\s*[.!])|doubt|wonder|longer than)))\b|"
    r"n[’']t\b(?!\s+(?:worry\b|(?:it|he|she|they|we|you|i|there)\?))",
    re.IGNORECASE,
)
_IMPLIED = re.compile(
    r"\b(?:un\w{3,}|non[\w-]+|gone|im(?:poss|prop|mat|perf|pati|mob|movab|part|pract|mun|moral)\w*|"
    r"in(?:ab|accu|adeq|appr|capab|conv|corr|comp|consi|cur|defin|dep|dist|eff|elig|eq|ev|exp|ext|"
    r"feas|fin|hum|just|num|offen|sec|sens|sign|sep|suff|tol|val|vis|vol|vul)\w*|ir\w{4,}|"
    r"il(?:leg|lic|lit|log)\w*|dis\w{3,}|mis\w{3,}|\w+less|fail\w*|lack\w*|refus\w*|den(?:y|ied|ies|ying|ial)|"
    r"avoid\w*|prevent\w*|prohibit\w*|forb\w*|bann?\w*|few\w*|little|hard\w*|barely|rare\w*|"
    r"seldom|scarce\w*|unless|except\w*|instead|rather|stop\w*|miss\w*|absen\w*|too|only|until|"
    r"free|exempt\w*|rid|los\w+|difficult\w*|reject\w*|exclu\w*|other|cease\w*|against|ignor\w*|"
    r"yet|beyond|zero|empty|off|doubt\w*|regardless|despite|far|less|differ\w*|wrong\w*|bad\w*|"
    r"poor\w*|sorry|impossible|uncertain|keep\w*|kept|shortage|out|short|neglect\w*|declin\w*|oppos\w*|"
    r"contrary|barring|minus|behind|away|down|end\w*|drop\w*|weak\w*|slow\w*|never\w*|nil|shy|"
    r"remain\w*|still|let\s+alone|worr\w*|abnormal\w*|waste\w*|withheld|withhold\w*|reluct\w*|hesit\w*|deaf|pending)\b",
    re.IGNORECASE,
)


def negated(source: str) -> bool | None:
    """True: the sentence negates; False: nothing in it could; None: it is not plain."""
    if count_negations(source):
        return True
    return None if _COULD.search(source) else False


def denials(text: str) -> tuple[int, frozenset[str]]:
    """Of an English text: how often it says "not", and its words that may say so otherwise."""
    implied = frozenset(word.lower() for word in _IMPLIED.findall(text))
    return len(EXPLICIT.findall(text)), implied


def count_negations(source: str) -> int:
    """How often a Chinese text plainly negates."""
    return len(_PLAIN.findall(_FIXED.sub("", _EITHER.sub("", _QUOTED.sub("", source)))))


def changed_negation(source: str, output: str) -> str | None:
    """What is wrong with the negation of an output, or None."""
    wanted = negated(source)
    explicit = EXPLICIT.search(output)
    if wanted is True and not explicit and not _IMPLIED.search(output):
        return "the negation of the source is lost"
    if wanted is False and explicit:
        return f"negated, which the source is not: {explicit.group()}"
    return None
