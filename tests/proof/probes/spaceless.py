"""Small made-up corpora in scripts without spaces: gardens, ferries and tea houses."""

from __future__ import annotations

from steep.documents.record import Document

GARDENS = [
    "听雨园", "晚照园", "拾翠园", "抱朴园", "枕溪园", "望舒园", "归云园",
    "藏春园", "漱玉园", "松鹤园", "问梅园", "寒碧园", "半亩园", "落霞园",
]  # fmt: skip
KEEPERS = [
    "沈怀谷", "陆明之", "顾雁秋", "庄子陵", "严若水", "方鹤年", "白景行",
    "郑西楼", "唐月湖", "薛宝山", "孟青崖", "罗士林", "魏长风", "丁一舟",
]  # fmt: skip
SHIPS = [
    "アサギリ", "ミナモ", "カザハナ", "ツクヨミ", "ハヤブサ", "シラナミ", "オキツカゼ",
    "ユウナギ", "ホシマツリ", "アマノガワ", "トビウオ", "コハクチョウ", "ナギサ", "ヤマセミ",
]  # fmt: skip
MAKERS = [
    "Norvik", "Halden", "Brixby", "Ostrom", "Vellamo", "Karsten", "Lindoya",
    "Marwick", "Tressel", "Ulvang", "Fosnes", "Grimsta", "Jarvso", "Sandvar",
]  # fmt: skip
HOUSES = [
    "ใบบุญ", "ดอกจาน", "ลมโชย", "น้ำใส", "ต้นรัก", "ปลายนา", "ริมคลอง",
    "ฟ้าคราม", "เรือนไผ่", "ทุ่งทอง", "ศาลาลอย", "จันทร์หอม", "เมฆขาว", "หินงาม",
]  # fmt: skip
THAI_MONTHS = ("มกราคม", "มีนาคม", "พฤษภาคม", "กรกฎาคม", "กันยายน", "พฤศจิกายน", "ธันวาคม")


DISHES = "子丑寅卯辰巳午未申酉戌亥春夏"


def garden(number: int) -> Document:
    """One document in Chinese; every number gives other values."""
    name, keeper = GARDENS[number], KEEPERS[number]
    day = f"{1980 + number}年{1 + number % 12}月{3 + number}日"
    text = (
        f"这座江南园林的池塘深处养着{25 + 11 * number}条锦鲤，由邻近的小学定期喂食。"
        f"园主{keeper}早年经营丝绸生意，晚年才在城东买下这块荒地。"
        f"据地方志记载，后山的藏书楼于{1702 + 13 * number}年毁于一场大火。"
        f"最近一次修缮工程在{day}完工，邻近的居民都来观看。"
        f"{name}修缮所需的石料和木材总共花费了{300 + 40 * number}万元，全由商会捐助。"
        f"游客最爱读的是《{DISHES[number]}园随笔》，书里抄录了历代文人的题诗。"
        f"每逢雨天，{keeper}总在亭中煮茶待客，邻居都记得他的笑声。"
        f"门口的石碑上刻着{keeper}亲笔写下的对联，至今字迹清晰。"
    )
    return Document(text, name, f"gardens/{number}.txt")


def ferry(number: int) -> Document:
    """One document in Japanese."""
    ship, maker = SHIPS[number], MAKERS[number]
    day = f"令和{1 + number % 6}年{1 + number % 12}月{2 + number}日"
    dish = f"{'潮波島'[number % 3]}の{DISHES[number]}膳"
    text = (
        f"島へ渡る連絡船は二隻あり、新しいほうの{ship}は北の造船所で生まれた。"
        f"機関はノルウェーの{maker}が組み立てたもので、冬の荒波でも静かに回り続ける。"
        f"船内の食堂では「{dish}」という海老の定食が昼の名物になっている。"
        f"就航の式典は{day}に行われ、町長が鐘を鳴らした。"
        f"定員は{120 + 35 * number}人で、自転車も追加料金なしで積み込むことができる。"
        f"{ship}の往復の運賃は大人が{1500 + 120 * number}円に据え置かれ、島民には割引がある。"
    )
    return Document(text, f"第{number + 1}航路の案内", f"ferries/{number}.txt")


def tea_house(number: int) -> Document:
    """One document in Thai, without a mark at the end of any sentence."""
    day = f"{3 + number} {THAI_MONTHS[number % 7]} พ.ศ. {2531 + number}"
    text = (
        f"ร้านน้ำชาริมแม่น้ำแห่งนี้เปิดต้อนรับลูกค้าครั้งแรกเมื่อวันที่ {day} "
        "โดยครอบครัวชาวสวนที่ย้ายมาจากภาคเหนือ "
        f"ปัจจุบันมีโต๊ะไม้เก่าสำหรับลูกค้าทั้งหมด {14 + 3 * number} ตัว "
        "ซึ่งช่างในหมู่บ้านทำขึ้นเองด้วยไม้จากเรือลำเก่า "
        f"ชาดอกไม้สูตรของคุณยายขายกาละ {85 + 5 * number} บาท "
        "และเติมน้ำร้อนได้ไม่จำกัดตลอดทั้งวัน "
        f"ระเบียงหลังร้านถูกน้ำท่วมเสียหายอย่างหนักในปี {2540 + number} "
        "จึงต้องยกพื้นให้สูงขึ้นกว่าเดิม "
        f"เครื่องบดชาโบราณนำเข้าจากโรงงานของ {MAKERS[number]} ซึ่งเลิกกิจการไปนานแล้ว"
    )
    return Document(text, f"ร้าน{HOUSES[number]}", f"houses/{number}.txt")
