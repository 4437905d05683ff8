"""Terminals for people: Chinese names in pinyin, foreign names, forms of address.

Characters with more than one reading in names are left out. The attributes ``he``, ``his``
and ``him`` are English pronouns, ``ta`` the Chinese one.
"""

from __future__ import annotations

import random

from training.synthetic.grammar import Phrase, Terminal

SURNAMES = (
    "王:Wang 李:Li 张:Zhang 刘:Liu 陈:Chen 杨:Yang 黄:Huang 赵:Zhao 吴:Wu 周:Zhou 徐:Xu 孙:Sun "
    "马:Ma 朱:Zhu 胡:Hu 郭:Guo 何:He 林:Lin 高:Gao 罗:Luo 郑:Zheng 梁:Liang 谢:Xie 宋:Song "
    "唐:Tang 许:Xu 韩:Han 邓:Deng 冯:Feng 曹:Cao 彭:Peng 曾:Zeng 肖:Xiao 田:Tian 董:Dong 潘:Pan "
    "袁:Yuan 蔡:Cai 蒋:Jiang 余:Yu 于:Yu 杜:Du 叶:Ye 程:Cheng 魏:Wei 苏:Su 丁:Ding 任:Ren 卢:Lu "
    "姚:Yao 沈:Shen 钟:Zhong 姜:Jiang 崔:Cui 谭:Tan 陆:Lu 范:Fan 汪:Wang 廖:Liao 石:Shi 金:Jin "
    "贾:Jia 夏:Xia 付:Fu 方:Fang 邹:Zou 熊:Xiong 白:Bai 孟:Meng 秦:Qin 邱:Qiu 侯:Hou 江:Jiang "
    "尹:Yin 薛:Xue 段:Duan 雷:Lei 龙:Long 史:Shi 陶:Tao 贺:He 毛:Mao 郝:Hao 顾:Gu 龚:Gong "
    "邵:Shao 万:Wan 钱:Qian 严:Yan 武:Wu 戴:Dai 莫:Mo 孔:Kong 向:Xiang 常:Chang 温:Wen 康:Kang "
    "施:Shi 文:Wen 牛:Niu 樊:Fan 葛:Ge 安:An 齐:Qi 欧阳:Ouyang 司马:Sima 诸葛:Zhuge"
)
GIVEN_HIS = (
    "伟:wei 强:qiang 磊:lei 军:jun 勇:yong 杰:jie 涛:tao 超:chao 明:ming 刚:gang 平:ping 辉:hui "
    "鹏:peng 飞:fei 鑫:xin 波:bo 斌:bin 浩:hao 凯:kai 健:jian 俊:jun 峰:feng 龙:long 旭:xu "
    "宁:ning 建:jian 国:guo 华:hua 志:zhi 东:dong 海:hai 天:tian 宇:yu 博:bo 文:wen 武:wu 泽:ze "
    "晨:chen 毅:yi 林:lin 松:song 立:li 永:yong 德:de 振:zhen 卫:wei 家:jia 子:zi 豪:hao 思:si "
    "远:yuan 锋:feng 阳:yang 亮:liang 新:xin 庆:qing 学:xue 光:guang 福:fu 成:cheng 康:kang"
)
GIVEN_HER = (
    "芳:fang 娜:na 敏:min 静:jing 丽:li 艳:yan 娟:juan 霞:xia 秀:xiu 玲:ling 桂:gui 英:ying "
    "婷:ting 雪:xue 琳:lin 颖:ying 洁:jie 慧:hui 莹:ying 倩:qian 佳:jia 欣:xin 怡:yi 梦:meng "
    "雨:yu 思:si 诗:shi 瑶:yao 婉:wan 萍:ping 红:hong 梅:mei 兰:lan 珍:zhen 凤:feng 玉:yu "
    "晓:xiao 小:xiao 月:yue 春:chun 美:mei 云:yun 丹:dan 璐:lu 淑:shu 燕:yan 菲:fei 雯:wen "
    "蕾:lei 彤:tong"
)
FIRST_HIS = (
    "约翰:John 汤姆:Tom 杰克:Jack 迈克尔:Michael 大卫:David 詹姆斯:James 罗伯特:Robert "
    "威廉:William 理查德:Richard 查尔斯:Charles 托马斯:Thomas 马克:Mark 保罗:Paul 史蒂文:Steven "
    "安德鲁:Andrew 彼得:Peter 乔治:George 肯尼思:Kenneth 爱德华:Edward 布莱恩:Brian 凯文:Kevin "
    "杰森:Jason 杰夫:Jeff 亚当:Adam 亚历克斯:Alex 本:Ben 丹尼尔:Daniel 埃里克:Eric 弗兰克:Frank "
    "哈里:Harry 亨利:Henry 杰瑞:Jerry 吉姆:Jim 乔:Joe 拉里:Larry 卢卡斯:Lucas 马丁:Martin "
    "马克斯:Max 尼克:Nick 奥利弗:Oliver 帕特里克:Patrick 菲利普:Philip 山姆:Sam 西蒙:Simon "
    "斯科特:Scott 蒂姆:Tim 维克多:Victor 鲍勃:Bob 比尔:Bill 克里斯:Chris 迪克:Dick 伊万:Ivan "
    "卡洛斯:Carlos 胡安:Juan 皮埃尔:Pierre 汉斯:Hans 马里奥:Mario 穆罕默德:Mohammed 阿里:Ali "
    "奥马尔:Omar 拉杰:Raj 弗拉基米尔:Vladimir 谢尔盖:Sergei"
)
FIRST_HER = (
    "玛丽:Mary 安娜:Anna 爱丽丝:Alice 艾米丽:Emily 艾玛:Emma 苏珊:Susan 莎拉:Sarah 凯特:Kate "
    "简:Jane 珍妮弗:Jennifer 杰西卡:Jessica 琳达:Linda 丽莎:Lisa 露西:Lucy 玛格丽特:Margaret "
    "玛莎:Martha 米歇尔:Michelle 南希:Nancy 尼科尔:Nicole 帕特里夏:Patricia 蕾切尔:Rachel "
    "丽贝卡:Rebecca 索菲亚:Sophia 索菲:Sophie 特蕾莎:Theresa 维多利亚:Victoria 安吉拉:Angela "
    "贝蒂:Betty 卡罗尔:Carol 凯瑟琳:Catherine 克莱尔:Claire 戴安娜:Diana 伊丽莎白:Elizabeth "
    "伊莎贝拉:Isabella 格蕾丝:Grace 海伦:Helen 艾琳:Irene 朱莉:Julie 凯伦:Karen 劳拉:Laura "
    "玛丽亚:Maria 奥利维亚:Olivia 罗丝:Rose 桑德拉:Sandra 温迪:Wendy 娜塔莎:Natasha 卡门:Carmen "
    "法蒂玛:Fatima 艾莎:Aisha 黛西:Daisy"
)
LAST = (
    "史密斯:Smith 约翰逊:Johnson 威廉姆斯:Williams 布朗:Brown 琼斯:Jones 米勒:Miller "
    "戴维斯:Davis 威尔逊:Wilson 泰勒:Taylor 安德森:Anderson 汤普森:Thompson 怀特:White "
    "哈里斯:Harris 克拉克:Clark 刘易斯:Lewis 罗宾逊:Robinson 沃克:Walker 霍尔:Hall 艾伦:Allen "
    "金:King 赖特:Wright 希尔:Hill 格林:Green 亚当斯:Adams 贝克:Baker 纳尔逊:Nelson "
    "米切尔:Mitchell 坎贝尔:Campbell 罗伯茨:Roberts 卡特:Carter 菲利普斯:Phillips 埃文斯:Evans "
    "特纳:Turner 帕克:Parker 柯林斯:Collins 爱德华兹:Edwards 斯图尔特:Stewart 莫里斯:Morris "
    "墨菲:Murphy 库克:Cook 罗杰斯:Rogers 摩根:Morgan 库珀:Cooper 理查森:Richardson 霍华德:Howard "
    "沃德:Ward 沃森:Watson 布鲁克斯:Brooks 贝内特:Bennett 格雷:Gray 休斯:Hughes 福斯特:Foster "
    "加西亚:Garcia 马丁内斯:Martinez 罗德里格斯:Rodriguez 洛佩斯:Lopez 穆勒:Müller "
    "施密特:Schmidt 费舍尔:Fischer 杜邦:Dupont 罗西:Rossi 伊万诺夫:Ivanov 科瓦奇:Kovács"
)
JAPANESE = (
    "田中:Tanaka 铃木:Suzuki 佐藤:Sato 高桥:Takahashi 渡边:Watanabe 伊藤:Ito 山本:Yamamoto "
    "中村:Nakamura 小林:Kobayashi 加藤:Kato 吉田:Yoshida 山田:Yamada"
)
HE = {"he": "he", "his": "his", "him": "him", "ta": "他"}
SHE = {"he": "she", "his": "her", "him": "her", "ta": "她"}
TITLES = (  # Chinese after the surname, English before it
    ("医生", "Dr."), ("大夫", "Dr."), ("博士", "Dr."), ("教授", "Professor"), ("校长", "Principal"),
    ("主任", "Director"), ("市长", "Mayor"), ("部长", "Minister"), ("总统", "President"),
    ("警官", "Officer"), ("队长", "Captain"), ("法官", "Judge"), ("上校", "Colonel"),
)  # fmt: skip


def _pairs(table: str) -> list[tuple[str, str]]:
    return [(zh, en) for zh, _, en in (item.partition(":") for item in table.split())]


_FIRST = [(*name, HE) for name in _pairs(FIRST_HIS)] + [(*name, SHE) for name in _pairs(FIRST_HER)]
_LAST, _JAPANESE = _pairs(LAST), _pairs(JAPANESE)
_SURNAMES = dict(_pairs(SURNAMES))
_GIVEN_HIS, _GIVEN_HER = dict(_pairs(GIVEN_HIS)), dict(_pairs(GIVEN_HER))


def chinese_name(chance: random.Random) -> Phrase:
    """张伟, 李晓静: surname first in both languages; two characters are one English word."""
    given, pronouns = chance.choice(((_GIVEN_HIS, HE), (_GIVEN_HER, SHE)))
    surname = chance.choice(list(_SURNAMES))
    length = 1 if chance.random() < 0.4 else 2
    characters = chance.sample(list(given), length)
    joint = given[characters[0]]
    for character in characters[1:]:
        reading = given[character]
        joint += f"'{reading}" if reading[0] in "aeo" else reading
    english = f"{_SURNAMES[surname]} {joint.capitalize()}"
    return Phrase(surname + "".join(characters), english, {**pronouns, "pinyin": english})


def foreign_name(chance: random.Random) -> Phrase:
    """约翰·史密斯: John Smith."""
    zh, en, pronouns = chance.choice(_FIRST)
    last_zh, last_en = chance.choice(_LAST)
    return Phrase(f"{zh}·{last_zh}", f"{en} {last_en}", pronouns)


def first_name(chance: random.Random) -> Phrase:
    """汤姆, 玛丽."""
    zh, en, pronouns = chance.choice(_FIRST)
    return Phrase(zh, en, pronouns)


def _surname(chance: random.Random) -> tuple[str, str]:
    kind = chance.random()
    if kind < 0.7:
        zh = chance.choice(list(_SURNAMES))
        return zh, _SURNAMES[zh]
    return chance.choice(_LAST if kind < 0.93 else _JAPANESE)


def addressed(chance: random.Random) -> Phrase:
    """王先生, 史密斯女士: Mr. Wang, Ms. Smith."""
    zh, en = _surname(chance)
    title, english, pronouns = chance.choice(
        (
            ("先生", "Mr.", HE),
            ("先生", "Mr.", HE),
            ("女士", "Ms.", SHE),
            ("太太", "Mrs.", SHE),
            ("小姐", "Miss", SHE),
        )
    )
    return Phrase(f"{zh}{title}", f"{english} {en}", pronouns)


def titled(chance: random.Random) -> Phrase:
    """张医生, 陈教授: Dr. Zhang, Professor Chen."""
    zh, en = _surname(chance)
    title, english = chance.choice(TITLES[:5]) if chance.random() < 0.75 else chance.choice(TITLES)
    return Phrase(f"{zh}{title}", f"{english} {en}", chance.choice((HE, SHE)))


def teacher(chance: random.Random) -> Phrase:
    """王老师: Mr. or Ms. Wang, as English has it."""
    surname = chance.choice(list(_SURNAMES))
    english, pronouns = chance.choice((("Mr.", HE), ("Ms.", SHE)))
    if chance.random() < 0.3:
        english = "Teacher"
    return Phrase(f"{surname}老师", f"{english} {_SURNAMES[surname]}", pronouns)


def familiar(chance: random.Random) -> Phrase:
    """小李, 老王: Xiao Li, Lao Wang."""
    surname = chance.choice([zh for zh in _SURNAMES if len(zh) == 1])
    zh, en = chance.choice((("小", "Xiao"), ("小", "Xiao"), ("老", "Lao")))
    return Phrase(f"{zh}{surname}", f"{en} {_SURNAMES[surname]}", chance.choice((HE, SHE)))


def person(chance: random.Random) -> Phrase:
    """Anybody by name."""
    return chance.choice(
        (chinese_name, chinese_name, chinese_name, first_name, first_name, foreign_name)
    )(chance)


def somebody(chance: random.Random) -> Phrase:
    """Anybody by name or form of address."""
    return chance.choice((person, person, addressed, titled, teacher, familiar))(chance)


TERMINALS: dict[str, Terminal] = {
    "chinese_name": chinese_name,
    "foreign_name": foreign_name,
    "first_name": first_name,
    "addressed": addressed,
    "titled": titled,
    "teacher": teacher,
    "familiar": familiar,
    "person": person,
    "somebody": somebody,
}
