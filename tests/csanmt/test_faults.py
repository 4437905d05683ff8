"""Faults that show without a reference: what is found, what is left alone."""

from __future__ import annotations

import pytest

from csanmt.faults import FAULTS, examine
from csanmt.quantities import missing_values, source_values

TABLE = [
    ("empty", "你好。", "", True),
    ("empty", "。。。", "", False),
    ("echo", "人工智能", "人工智能", True),
    ("echo", "人工智能", "人工 intelligence is", False),
    ("echo", "人工智能正在改变", "人工智能 is 正在改变", True),
    ("residual_han", "他叫张伟。", "He is called 张伟.", True),
    ("residual_han", "他叫张伟。", "He is called Zhang Wei.", False),
    ("loop", "我们走吧。", "Let us go let us go let us go let us go.", True),
    ("loop", "我们走吧。", "Let us go, let us go.", False),
    ("loop", "哈哈哈哈哈哈", "Ha ha ha ha ha ha", False),
    ("length", "我们明天去公园散步好不好", "Yes.", True),
    ("length", "我们明天去公园散步好不好", "Shall we go to the park tomorrow?", False),
    ("empty", "他来了。", "…", True),
    ("empty", "他来了。", "\u200b", True),
    ("empty", "他今天来了。", "null", True),
    ("empty", "无", "None", False),
    ("loop", "他走了。", "He left " + "and then they all came back to the old town " * 3, True),
    ("loop", "他走了。", "He left" + "ha" * 12, True),
    ("loop", "他走了。", "He left" + "! " * 12, True),
    ("loop", "不！", "NOOOOOOOOOOO!", False),
    ("loop", "他三次说要来。", "He would come, would come, would come.", False),
    *(
        ("unknown", "他来了。", f"He {mark} came.", True)
        for mark in (
            "[PAD]",
            "<|endoftext|>",
            "UNK",
            "##ing",
            "gov@@ ern",
            "Ġcame",
            "<0xE4>",
            "\x00",
            "\\u4e2d",
            "%E4%B8%AD",
            "ï»¿",
            "ï¿½",
            "ä¸\xadå›½",
            "Â½",
            "â\x80\x99",
            "ðŸ˜€",
        )
    ),
    ("unknown", "他来了。", "The CAFÉ’s owner, São Paulo’s “café”—and Ångström’s.", False),
    ("unknown", "他来了。", "He gained 5% @ home, #1.", False),
    *(
        ("foreign_script", "政府说。", f"The {word} says.", True)
        for word in (
            "κυβέρνηση",
            "կառավարություն",
            "მთავრობა",
            "መንግስት",
            "འབྲུག",
            "အစိုးရ",
            "ﾃｽﾄ",
            "ㄓㄨ",
            "ລັດ",
        )
    ),
    ("foreign_script", "α 螺旋。", "The α helix, 5 μm.", False),
    *(
        ("chatter", "他来了。", before + "He came." + after, True)
        for before, after in (
            ("English: ", ""),
            ("EN: ", ""),
            ("**Translation:** ", ""),
            ("[Translation] ", ""),
            ("Here's the English version: ", ""),
            ("Okay, here's the translation: ", ""),
            ("The English translation is as follows: ", ""),
            ("Certainly! ", ""),
            ("Translation\n", ""),
            ("As a language model, ", ""),
            ("I'm sorry, but I cannot translate this. ", ""),
            ("This translates as: ", ""),
            ("", " (translated from Chinese)"),
            ("", "</translation>"),
            ("", "\n\nNote: the name was kept."),
            ("", " I hope this helps!"),
        )
    ),
    ("chatter", "当然，他来了！", "Certainly! He came.", False),
    ("chatter", "结果：他来了。", "Result: he came.", False),
    ("chatter", "他来了。", "Here is the house. It means a lot.", False),
    ("doubled", "他昨天来了。", "He came yesterday.\n\nHe came yesterday.", True),
    ("doubled", "他昨天来了。", "He came. He came. He came.", True),
    (
        "doubled",
        "他昨天来了。",
        "He came to see us all yesterday with his wife. He came to see us all yesterday with hi",
        True,
    ),
    ("doubled", "事实就是如此。", "It is what it is.", False),
    ("doubled", "他昨天来了。", "He and he and she.", False),
    ("unknown", "＃#NUMBER#", "##NUMBER#", False),
    ("spacing", "他来了 。", "He came .", False),
    ("negation", "利润不等，30元到80元。", "Profits range from 30 to 80 yuan.", False),
    ("negation", "请放心购买。", "Don't worry, buy it.", False),
    ("negation", "好久没来了。", "It has been a long time since I came.", False),
    ("negation", "真的不重要。", "No matter.", False),
    ("negation", "不要担心。", "Don't worry.", False),
    ("negation", "这也太明显了。", "It is too obvious, isn't it?", False),
    ("negation", "我不等了。", "I wait.", True),
    ("spacing", "他来了（昨天）。", "He came ( yesterday ).", True),
    ("spacing", "他来了，她走了。", "He came，she left。", True),
    ("spacing", "《家》出版了。", "《Family》 was published.", False),
    ("spacing", "他来了，她走了。", "He came，she left, we stayed, all of us.", False),
    ("spacing", "他来了。", "He\u200b came.", True),
    ("spacing", "长期的。", "It is long @-@ term.", True),
    ("spacing", "他来了。", "He came (yesterday), at a,b=c.", False),
    ("entities", "他的。", "It is his&rsquo;s &mdash; yes.", True),
    ("entities", "他来了。", "<b>He</b> came.<br>", True),
    ("entities", "他<b>来</b>了。", "He <b>came</b>.", False),
    ("entities", "a小于b。", "a<b and b > c.", False),
    ("numbers", "1962年。", "In 19620.", True),
    ("numbers", "1962年。", "In the year 1962nd.", False),
    ("truncation", "我们明天去公园。", "Tomorrow we go to", True),
    ("truncation", "我们明天去公园。", "Tomorrow we go to the park.", False),
    ("truncation", "他说：“好。”", 'He said, "Fine."', False),
    (
        "truncation",
        "他说：“我们有责任帮助他们。”",
        'He said: "We have a duty to help them. "',
        False,
    ),
    ("truncation", "他说：“好。”", "He said: “Fine“", False),
    ("truncation", "他来了（昨天）。", "He came (yesterday)", False),
    ("residual_han", "新华全媒丨北京", "Xinhua Media丨Beijing", False),
    ("unknown", "他来了。", "He <unk> came.", True),
    ("unknown", "他来了。", "He▁came.", True),
    ("unknown", "他来了。", "He didnâ€™t come.", True),
    ("unknown", "他喝咖啡。", "He drinks his cafÃ© au lait.", True),
    ("unknown", "他来了。", "He drank a café crème, naïvely.", False),
    ("unknown", "好吃😋", "Tasty <unk>", False),
    ("foreign_script", "他来了。", "He пришёл.", True),
    ("foreign_script", "他来了。", "He came です.", True),
    ("foreign_script", "他说“привет”。", "He said “привет”.", False),
    ("foreign_script", "α粒子", "α particles", False),
    ("chatter", "他来了。", "Translation: He came.", True),
    ("chatter", "他来了。", "Sure, here is the translation: He came.", True),
    ("chatter", "译文：他来了。", "Translation: He came.", False),
    ("chatter", "他的译作很好。", "Translations by him are good: read them.", False),
    ("doubled", "今天天气很好。", "The weather is fine. The weather is fine.", True),
    ("doubled", "今天天气很好。", "The weather is fine.", False),
    ("doubled", "加油，加油！", "Come on, come on!", False),
    ("negation", "他不喜欢咖啡。", "He likes coffee.", True),
    ("negation", "他不喜欢咖啡。", "He dislikes coffee.", False),
    ("negation", "他喜欢咖啡。", "He does not like coffee.", True),
    ("negation", "他喜欢咖啡。", "He doesn’t like coffee.", True),
    ("negation", "他非常喜欢咖啡。", "He likes coffee very much.", False),
    ("negation", "效果不错。", "It is not bad.", False),
    ("negation", "他采取不回应的态度。", "He takes a non-response attitude.", False),
    ("negation", "你喜欢不喜欢咖啡？", "Do you like coffee?", False),
    ("spacing", "他来了，她走了。", "He came , she left .", True),
    ("spacing", "他来了，她走了。", "He came, she left.", False),
    ("entities", "他说“好”。", "He said &quot;Fine&quot;.", True),
    ("entities", "写 &amp; 就行。", "Write &amp; and that is it.", False),
    ("numbers", "他有342本书。", "He has 324 books.", True),
    ("numbers", "他有3本书。", "He has three books.", False),
    ("loop", "他在家。", "He is at home at home at home at home.", True),
    ("loop", "好。", "very very very good", False),
    ("loop", "go go go go 走", "go go go go away", False),
    ("loop", "好。", "x " * 10_000, True),
    ("numbers", "价格为1,000元。", "It costs 1000 yuan.", False),
    ("numbers", "人口是13亿。", "The population is 1.3 billion.", False),
    ("numbers", "第100条和第200条", "article 100", True),
    ("numbers", "12个月", "a dozen months", False),
]


@pytest.mark.parametrize(("name", "source", "output", "faulty"), TABLE)
def test_a_fault_is_found_where_it_is(name, source, output, faulty):
    assert (name in examine(source, output)) is faulty


def test_every_fault_is_in_the_table_of_this_test():
    assert {fault.name for fault in FAULTS} == {row[0] for row in TABLE}


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("3.5万", [35_000]),
        ("1.25 亿英镑", [125e6]),
        ("1亿2000万人", [120e6]),
        ("１２３本", [123]),
        ("1,234.5元", [1234.5]),
        ("5月1日", [5, 1]),
        ("三百", []),
        ("2万元和3元", [20_000, 3]),
        ("1百万", [1e6]),
    ],
)
def test_quantities_of_a_source(source, values):
    assert source_values(source) == values


@pytest.mark.parametrize(
    ("source", "target", "lost"),
    [
        ("3.5万", "35,000", []), ("3.5万", "35 thousand", []), ("3.5万", "3.5", [35_000]),
        ("3.5万", "thirty-five thousand", []), ("14亿", "1.4 billion", []),
        ("14亿", "14 billion", [14e8]), ("15点", "3 p.m.", []), ("5月", "in May", []),
        ("90年代", "the 1990s", []), ("342", "three hundred and forty-two", []),
        ("7", "the seventh", []), ("1508", "15 08", [1508]), ("0.5", "half", []),
        ("1200万", "£12m", []), ("21世纪", "the twenty-first century", []),
        ("315.1亿", "31.51 billion", []), ("24千米", "24 kilometers", []), ("5千克", "3 kg", [5]),
        ("700多万", "more than 7 million", []), ("700多万", "more than 700", [7e6]),
        ("6成", "60%", []), ("3折", "70% off", []), ("2倍", "tripled", []), ("50%", "half", []),
        ("80年代", "the eighties", []), ("20世纪80年代", "the 1980s", []), ("1. 打开", "Open", []),
        ("10-20万", "100,000 to 200,000", []), ("3千多万", "over 30 million", []),
        ("2万4801张", "24,801", []), ("2021.6.11", "June 11, 2021", []), ("7:55", "7.55 am", []),
        ("50万人", "half a million people", []), ("2019-2020年", "2019–20", []),
        ("30多年", "three decades", []), ("2/3", "two thirds", []), ("1/2", "half", []),
        ("2021.6.11", "on 2021.6.11", []), ("每满1个年度", "every full year", []),
        ("6666，8888", "6666 and 8888", []), ("H1N1", "flu", []), ("0.08%", ".08%", []),
    ],
)  # fmt: skip
def test_quantities_that_a_target_lost(source, target, lost):
    assert missing_values(source, target) == lost


def test_hundred_millions_and_billions_are_the_same_to_every_digit():
    """Their product is not exact in binary: 315.1亿 is 31,510,000,000.000004."""
    wrong = [n for n in range(1, 9001) if missing_values(f"{n / 10}亿", f"{n / 100:.10g} billion")]
    assert wrong == []
