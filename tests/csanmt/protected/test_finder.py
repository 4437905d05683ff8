"""What is protected is found whole, Chinese beside it is not, and every expression is linear."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from csanmt.errors import InvalidInputError
from csanmt.protected.__main__ import written
from csanmt.protected.families import FAMILIES, Family
from csanmt.protected.finder import LONGEST_LITERAL, checked_literals, find

FRAMES = (
    "{}",
    "请看{}的说明。",
    "请看 {} 的说明。",
    "请看{}，谢谢。",
    "({})",
    "（{}）",
    "打开{}.",
    "“{}”",
    "{}、{}。",
)


def found(text: str, literals: tuple[str, ...] = ()) -> list[str]:
    return [text[piece.start : piece.end] for piece in find(text, literals)]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_examples_are_found_in_any_surroundings(family: Family) -> None:
    for example, frame in itertools.product(family.examples, FRAMES):
        text = frame.replace("{}", example)
        assert found(text) == [example] * frame.count("{}")
        assert {piece.family for piece in find(text)} == {family}


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("没有", []),
        ("百分之50%的人，100%确定，涨了5%d", []),
        ("现在是下午3:30，价格是$100，TCP/IP 和 and/or，1/2，3.14，2024-01-15", []),
        ("COVID-19、GPT-4、F-16战机、B2B、Windows 10、iPhone15", []),
        ("请访问https://example.com/help查看详情。", ["https://example.com/help"]),
        ("(见 https://a.org/b_(c)).", ["https://a.org/b_(c)"]),
        ("[点这里](https://a.org/b)和[别的](https://c.org)", ["https://a.org/b", "https://c.org"]),
        ("C:\\文档\\说明.txt打开", ["C:\\文档\\说明.txt"]),
        ("打开C:\\Users\\a.txt文件", ["C:\\Users\\a.txt"]),
        ('"C:\\Program Files\\a b.txt"文件', ["C:\\Program Files\\a b.txt"]),
        ("C:\\Program Files\\a", ["C:\\Program"]),
        ("请打开/home/用户/a.txt文件", ["/home/用户/a.txt"]),
        ("#今天天气#真好", ["#今天天气#"]),
        ("#话题 内容", ["#话题"]),
        ("#话题，内容", ["#话题"]),
        ("看#2024年度报告", ["#2024"]),
        ("看#发布v2版本", ["#发布v2"]),
        ("#个苹果和 # 个", ["#", "#"]),
        ("AT&amp;T公司", ["AT&amp;T"]),
        ("文件file_{name}.txt在", ["file_{name}.txt"]),
        ("见 http://a.b/{id}/c", ["http://a.b/{id}/c"]),
        ("有%s个，%1$s、%(n)d、%5.2f", ["%s", "%1$s", "%(n)d", "%5.2f"]),
        ("找到 $1 个结果，共 $2 页。", ["$1", "$2"]),
        ("Ca(OH)₂和100m²", ["Ca(OH)₂", "100m²"]),
        ("发给张三@example.com", ["@example.com"]),
        ("α-CoV和β-CoV在5月/6月，12:30:45，见News.com.au", ["News.com.au"]),
        ("打电话13800138000或+1 (415) 555-0100", ["13800138000", "+1 (415) 555-0100"]),
        (
            "地址是2001:db8::1，std::vector，00:1A:2B:3C:4D:5E",
            ["2001:db8::1", "std::vector", "00:1A:2B:3C:4D:5E"],
        ),
        ("装Python 3.12.1和numpy==1.26.4", ["Python 3.12.1", "numpy==1.26.4"]),
        ("看./lib/libfoo.so.1和D:\\存档\\a-01.dat", ["./lib/libfoo.so.1", "D:\\存档\\a-01.dat"]),
        ("点<0>这里</0>或<1/>，[点](https://a.b)", ["<0>", "</0>", "<1/>", "https://a.b"]),
        (
            "[your-name]，${{ a.b }}，$[x]和%%NAME%%",
            ["[your-name]", "${{ a.b }}", "$[x]", "%%NAME%%"],
        ),
        ("调用get_user_id()和a->b时iPhone与WeChat", ["get_user_id()", "a->b"]),
        ("用户:admin，如 :max 和[确定]，[OK]", [":max", "[OK]"]),
        ("拨打400-800-1234或git@h.com:a/b.git", ["400-800-1234", "git@h.com:a/b.git"]),
        ("约10^6个，<|end|>，GB/T 19001和$$", ["10^6", "<|end|>", "GB/T 19001", "$$"]),
        ("[GitHub](https://a.b) [a_b](https://c.d)", ["https://a.b", "a_b", "https://c.d"]),
        ("看https://zh.wikipedia.org/wiki/中国。", ["https://zh.wikipedia.org/wiki/中国"]),
        (
            "看https://a.cn/s?wd=天气 的，http://例子.测试/a看",
            ["https://a.cn/s?wd=天气", "http://例子.测试/a"],
        ),
        ("@张三 你好，请@李四，@他 看", ["@张三"]),
        ("\x1b[31m红\x1b[0m，5️⃣个，好:-)", ["[31m", "[0m", "5️⃣", ":-)"]),
        ("%Y年%m月%d日，占50%A", ["%Y", "%m", "%d"]),
        ("苹果=apple，A=甲，a<b>粗</b>，US$100万", ["<b>", "</b>"]),
        (
            "用\\d+和\\(x^2\\)，src/**/*.ts，.env.local",
            ["\\d+", "\\(x^2\\)", "src/**/*.ts", ".env.local"],
        ),
        ("把/home/a.txt复制到/home/b.txt", ["/home/a.txt", "/home/b.txt"]),
        ("把C:\\a.txt移到D:\\2024年报告\\b.txt", ["C:\\a.txt", "D:\\2024年报告\\b.txt"]),
        ("您有:count条，@lang('a.b')和/{cmd}", [":count", "@lang('a.b')", "/{cmd}"]),
        (f"你好{'a' * 3000}再见", ["a" * 3000]),
        ("选项:D。如下:(见图)，2024-01-05 12:30", []),
    ],
)
def test_pieces_end_where_they_end(text: str, held: list[str]) -> None:
    assert found(text) == held


def test_a_caller_protects_strings_of_its_own() -> None:
    literals = checked_literals(["微信", "IT", "微信支付", "微信"])
    assert found("用微信支付和微信，IT部门的ITEM", literals) == ["微信支付", "微信", "IT"]


@pytest.mark.parametrize(
    "literals",
    [["a"] * 1 + [str(i) for i in range(64)], [""], [" "], ["x" * (LONGEST_LITERAL + 1)]],
)
def test_what_a_caller_may_not_protect_is_refused(literals: list[str]) -> None:
    with pytest.raises(InvalidInputError, match="protect"):
        checked_literals(literals)


PUMPED = [
    "a", "a.", "a-", "a@", "1.", "1", "/a", "/", "\\a", "{", "{{", "<a", "<a ", "<%", "[[", "[1",
    "%", "%1$", "$", "$a", "$t(", "__a", "_", ":a", "#中", "A1", "A-1", "f0", "&a", "&#1", "a://",
    "www.a", "中", "`", "@a", "a/", "²", "a²", "--a", "(", "(_", "\\", "~/", "DE89 3704 ", "](",
    "!-", "0:", "a:", "$a/", "%a%\\", "a/a", "a.b", "a-1", "a_1", "A#1", "1111 ", "+1 ", "-a",
    "[a-", "[%", "<#a", "<<a", "@@a", "##a", "tel:1", "%%a", "$$a", "$(a", "%*", "'a", "@a.a",
    "0.0-", "=a", "a = ", "@a@", "«a", "*|a", "\\(", "\\(a", "[{", "%[1", "(0", "a(b",
    "eyJa.", "a@b", "$=", "//a", "=中", "%-Y", "a#1/", "_A", "http://中.",
]  # fmt: skip


@pytest.mark.parametrize("unit", PUMPED)
def test_the_time_grows_with_the_length_and_no_faster(unit: str) -> None:
    def seconds(count: int) -> float:
        text = "x " + unit * (count // len(unit)) + "\x00"
        start = time.process_time()
        find(text)
        return time.process_time() - start

    assert min(seconds(4_000) for _ in range(2)) < 0.25, unit  # 64 times that were quadratic
    assert seconds(32_000) < 2.0, unit


def test_a_sentence_without_anything_pays_little() -> None:
    sentence = "他昨天在北京参加了一个重要的国际会议，讨论了气候变化对全球经济的影响。"
    start = time.process_time()
    for _ in range(2_000):
        find(sentence)
    assert (time.process_time() - start) / 2_000 < 20e-6


def test_the_page_shows_the_table_of_today() -> None:
    page = (Path(__file__).parents[3] / "docs" / "markup.md").read_text(encoding="utf-8")
    assert written(page) == page, "run: python -m csanmt.protected docs/markup.md"
