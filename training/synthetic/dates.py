"""Terminals for dates, times of day and durations."""

from __future__ import annotations

import calendar
import random

from training.synthetic.grammar import WORDS, Phrase
from training.synthetic.numerals import han, han_digits, ordinal, words

MONTHS = calendar.month_name
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAYS = "一二三四五六"


def _year(chance: random.Random) -> int:
    first, last = chance.choice(((1900, 2035), *((1985, 2028),) * 4, *((2008, 2027),) * 4))
    return chance.randint(first, last)


def _month_day(chance: random.Random, year: int = 2024) -> tuple[int, int]:
    month = chance.randint(1, 12)
    return month, chance.randint(1, calendar.monthrange(year, month)[1])


def year(chance: random.Random) -> Phrase:
    """2019年, 一九九八年."""
    value = _year(chance)
    zh = han_digits(str(value)) if chance.random() < 0.05 else str(value)
    return Phrase(f"{zh}年", str(value))


def month(chance: random.Random) -> Phrase:
    """5月."""
    value = chance.randint(1, 12)
    return Phrase(f"{han(value) if chance.random() < 0.3 else value}月", MONTHS[value])


def month_of_year(chance: random.Random) -> Phrase:
    """2024年5月."""
    of, value = _year(chance), chance.randint(1, 12)
    return Phrase(f"{of}年{value}月", f"{MONTHS[value]} {of}")


def day(chance: random.Random) -> Phrase:
    """5月17日."""
    month, date = _month_day(chance)
    mark = chance.choice(("日", "日", "号"))
    zh = f"{month}月{date}{mark}"
    if chance.random() < 0.08:
        zh = f"{han(month)}月{han(date)}{mark}"
    kind = chance.random()
    english = f"{MONTHS[month]} {date}" if kind < 0.9 else f"{MONTHS[month]} {ordinal(date)}"
    return Phrase(zh, english)


def date(chance: random.Random) -> Phrase:
    """2024年5月17日; the attribute ``iso`` is its short form on both sides."""
    return _date_of(_year(chance), chance)


def _date_of(of: int, chance: random.Random) -> Phrase:
    month, date = _month_day(chance, of)
    zh = f"{of}年{month}月{date}{chance.choice(('日', '日', '日', '号'))}"
    if chance.random() < 0.04:
        year = han_digits(str(of)).replace("零", chance.choice("零〇"))
        zh = f"{year}年{han(month)}月{han(date)}日"
    short = f"{of}-{month:02}-{date:02}"
    english = (
        f"{MONTHS[month]} {date}, {of}"
        if chance.random() < 0.85
        else f"{date} {MONTHS[month]} {of}"
    )
    return Phrase(zh, english, {"iso": short})


def weekday(chance: random.Random) -> Phrase:
    """星期三, 周三, 礼拜三."""
    index = chance.randrange(7)
    name = chance.choice(("星期", "周", "周", "礼拜"))
    last = {"星期": "天", "周": "日", "礼拜": "天"}[name]
    return Phrase(name + (_DAYS[index] if index < 6 else last), WEEKDAYS[index])


def dated_weekday(chance: random.Random) -> Phrase:
    """5月17日（星期五）."""
    date, name = day(chance), weekday(chance)
    zh = f"{date.zh}（{name.zh}）" if chance.random() < 0.4 else f"{date.zh}{name.zh}"
    return Phrase(zh, f"{name.en}, {date.en}")


def dated_year(chance: random.Random) -> Phrase:
    """2024年5月17日，星期五: a full date with its true weekday."""
    of = _year(chance)
    month, date = _month_day(chance, of)
    index = calendar.weekday(of, month, date)
    name = chance.choice(("星期", "周")) + ("日" if index == 6 else _DAYS[index])
    zh = f"{of}年{month}月{date}日"
    english = f"{WEEKDAYS[index]}, {MONTHS[month]} {date}, {of}"
    return Phrase(f"{zh}，{name}", english, {"zh_short": f"{zh} {name}"})


def decade(chance: random.Random) -> Phrase:
    """上世纪80年代, 20世纪80年代: the 1980s."""
    tens = chance.randint(2, 9) * 10
    numerals = han(tens)
    written = numerals if chance.random() < 0.5 else str(tens)
    century = chance.choice(("20世纪", "二十世纪", "上世纪"))
    return Phrase(f"{century}{written}年代", f"the 19{tens}s")


def century(chance: random.Random) -> Phrase:
    """19世纪: the 19th century."""
    value = chance.randint(11, 21)
    return Phrase(f"{value}世纪", f"the {ordinal(value)} century")


def years(chance: random.Random) -> Phrase:
    """2010年到2015年: from 2010 to 2015."""
    first = chance.randint(1950, 2022)
    last = first + chance.randint(1, 12)
    link = chance.choice(("年到", "年至", "至", "—"))
    words_ = chance.choice(("from {} to {}", "from {} to {}", "between {} and {}"))
    return Phrase(f"{first}{link}{last}年", words_.format(first, last))


def _clock_english(hour: int, minute: int, part: str, chance: random.Random) -> str:
    half = "a.m." if hour < 12 else "p.m."
    if chance.random() < 0.2:
        half = half.replace(".", "")
    twelve = (hour - 1) % 12 + 1
    kind = chance.random()
    if kind < 0.12 and minute == 0:
        return f"{words(twelve) if chance.random() < 0.3 else twelve} o'clock {part}"
    if kind < 0.08 and minute == 30:
        return f"half past {words(twelve)} {part}"
    if kind < 0.08 and minute == 15:
        return f"a quarter past {words(twelve)} {part}"
    if minute == 0 and chance.random() < 0.8:
        return f"{twelve} {half}"
    return f"{twelve}:{minute:02} {half}"


def _clock_chinese(hour: int, minute: int, chance: random.Random) -> str:
    point = chance.choice(("点", "点", "点", "时"))
    numerals = chance.random() < 0.3 and point == "点"
    written = "两" if numerals and hour == 2 else han(hour) if numerals else str(hour)
    if minute == 0:
        return f"{written}{point}{'整' if chance.random() < 0.05 else ''}"
    if point == "点" and minute == 30 and chance.random() < 0.7:
        return f"{written}点半"
    if point == "点" and minute == 15 and chance.random() < 0.3:
        return f"{written}点一刻"
    return f"{written}{point}{han(minute) if numerals and minute > 9 else f'{minute:02}'}分"


def _minute(chance: random.Random) -> int:
    return chance.choice((0, 0, 0, 30, 30, 15, 45, chance.randint(1, 59)))


def clock(chance: random.Random) -> Phrase:
    """下午3点半: 3:30 p.m.; 14:35: 2:35 p.m. or 14:35; 中午12点: noon."""
    kind = chance.random()
    if kind < 0.04:
        return chance.choice(
            (
                Phrase("中午12点", "noon"),
                Phrase("中午十二点", "12 noon"),
                Phrase("午夜12点", "midnight"),
                Phrase("零点", "midnight"),
            )
        )
    if kind < 0.18:
        hour, minute = chance.randint(6, 23), chance.choice((0, 30, chance.randint(0, 59)))
        written = f"{hour}:{minute:02}"
        twelve = f"{(hour - 1) % 12 + 1}:{minute:02} {'a' if hour < 12 else 'p'}.m."
        return Phrase(written, written if chance.random() < 0.75 else twelve)
    name, first, end, part = chance.choice(WORDS["clock"]["parts_of_day"])
    hour, minute = chance.choice(range(first, end)), _minute(chance)
    part = "at night" if hour >= 21 else part
    shown = hour if hour <= 12 else hour - 12
    if chance.random() < 0.1:
        zh = f"{name}{shown}:{minute:02}"
    else:
        zh = f"{name}{_clock_chinese(shown, minute, chance)}"
    return Phrase(zh, _clock_english(hour, minute, part, chance))


def hours(chance: random.Random) -> Phrase:
    """上午9点到下午5点: from 9 a.m. to 5 p.m."""
    first, last = chance.randint(6, 11), chance.randint(13, 22)
    starts, ends = chance.choice((0, 0, 30)), chance.choice((0, 0, 30))
    if chance.random() < 0.3:
        zh = f"{first}:{starts:02}{chance.choice('-至到')}{last}:{ends:02}"
        return Phrase(zh, f"from {first}:{starts:02} to {last}:{ends:02}")
    evening = "晚上" if last >= 18 else "下午"
    morning = "早上" if first <= 8 else "上午"
    opens = f"{morning}{first}点{'半' if starts else ''}"
    closes = f"{evening}{last - 12}点{'半' if ends else ''}"
    zh = f"{opens}{chance.choice('到至')}{closes}"
    written = [
        f"{hour}:30" if minute else str(hour)
        for hour, minute in ((first, starts), (last - 12, ends))
    ]
    return Phrase(zh, f"from {written[0]} a.m. to {written[1]} p.m.")


def clock_range(chance: random.Random) -> Phrase:
    """8:30-17:00 on a sign."""
    first, last = chance.randint(6, 11), chance.randint(13, 23)
    times = (
        f"{first}:{chance.choice(('00', '00', '30'))}",
        f"{last}:{chance.choice(('00', '00', '30'))}",
    )
    link = chance.choice("-—至到")
    english = " to " if link in "至到" else "-"
    return Phrase(link.join(times), english.join(times))


def duration(chance: random.Random, *units: str) -> Phrase:
    """3天, 两个半小时, 45分钟; the attribute ``adjective`` is its form before a noun."""
    zh_unit = chance.choice(units)
    unit, most = WORDS["units"][zh_unit]
    if zh_unit[0] == "个" and chance.random() < 0.15 and unit != "week":
        value = chance.randint(1, 4)
        numeral = "两" if value == 2 else han(value)
        english = f"{words(value)} and a half {unit}s" if value > 1 else f"a~{unit} and a half"
        return Phrase(f"{numeral}个半{zh_unit[1:]}", english, {"adjective": f"{value}.5-{unit}"})
    value = chance.choice((chance.randint(2, 10), chance.randint(2, most)))
    numerals = chance.random() < (0.5 if value <= 10 else 0.1)
    zh = "两" if numerals and value == 2 else han(value) if numerals else str(value)
    spelled = value <= 10 and chance.random() < 0.7
    number = words(value) if spelled else str(value)
    return Phrase(f"{zh}{zh_unit}", f"{number} {unit}s", {"adjective": f"{number}-{unit}"})


def lifespan(chance: random.Random) -> Phrase:
    """A date of birth; ``zh_died`` and ``died`` are that of death."""
    born, died = 0, 0
    while not born + 20 < died:
        born, died = chance.randint(1850, 1995), chance.randint(1900, 2026)
    first, last = (_date_of(year, chance) for year in (born, died))
    return Phrase(first.zh, first.en, {"zh_died": last.zh, "died": last.en})


def age(chance: random.Random) -> Phrase:
    """27岁; the attribute ``adjective`` is "27-year-old"."""
    return _age(chance.choice((chance.randint(2, 12), chance.randint(2, 99))), chance)


def age_between(chance: random.Random, low: int, high: int) -> Phrase:
    """As ``age``."""
    return _age(chance.randint(low, high), chance)


def _age(value: int, chance: random.Random) -> Phrase:
    numerals = chance.random() < 0.2
    zh = "两" if numerals and value == 2 else han(value) if numerals else str(value)
    number = words(value) if value <= 10 and chance.random() < 0.6 else str(value)
    return Phrase(
        f"{zh}岁", f"{number} years old", {"adjective": f"{number}-year-old", "bare": number}
    )
