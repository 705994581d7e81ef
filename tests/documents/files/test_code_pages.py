"""Short texts in the code pages they were once written in: each must come out exactly."""

import pytest

from steep.documents.files.code_pages import decode_by_letters
from steep.documents.files.encoding import decode

TEXTS = {
    "cp1252": [
        "Artikel;Größe;Preis\nSchraube;groß;0,10 €\nMutter;groß;0,05 €\nUnterlegscheibe;klein;0,02 €\n",
        "Die Brücke wurde im Frühjahr für den Verkehr geöffnet. Über die Straße führen täglich tausend Wagen.",
        "Le musée est fermé à Noël. Les élèves ont visité l’exposition où l’on montrait des œuvres du siècle passé.",
        "El año pasado la compañía abrió una fábrica en León. ¿Cuántos empleados trabajan allí? Más de ochenta.",
        "A câmara não aprovou o orçamento. A decisão será discutida na próxima reunião, em São João.",
        "La città è più grande di prima. Perché non c’è nessuno? Il caffè è già chiuso.",
        "Båten går från hamnen klockan åtta på morgonen. Över sjön tar det två timmar, och på vintern är den inställd.",
        "Færgen sejler fra øen hver morgen. På dækket må man ikke ryge, og børn skal være sammen med voksne.",
        "Skipið fer frá höfninni á hverjum morgni. Það kostar ekkert að fara með því þegar veðrið er gott.",
        "De financiële situatie is geëvalueerd. Het café ligt vlak bij het station en kost € 5.",
        "Price list – 2026\nWidget: £5.00",
        "Oven,180 °C\n",
        "The manager’s report – “Annual Review” – was published. It cost £40 in the shop.",
        "name,city\nJosé,Málaga\nZoë,Köln\n",
        "Bitte prüfen Sie den Ölstand wöchentlich.",
        "Größe: 5 m²; Höhe: 3 m – Gewicht ca. 40 kg",
        "Müller, Jürgen; Köln; 0221 12345",
        "Menü\nSuppe 4,50 €\nKäse 6,00 €\n",
        "Sehr geehrte Frau Schäfer, wir bestätigen Ihren Auftrag vom 3. März. Mit freundlichen Grüßen",
        "«Où est la clé?» demanda l'élève.",
        "Pièce détachée;12,50 €;Réf. A12\nCâble électrique;8,00 €;Réf. B7\n",
        "Désignation,Quantité,Prix\nBoîte,3,4 €\n",
        "Garçon, l'addition s'il vous plaît !",
        "¡Hola! ¿Qué tal? Mañana iré a la montaña.",
        "Niño;España;Peña",
        "Ação;Preço;Não",
        "Informação: o preço não inclui o transporte até à fábrica. É necessário pagar já.",
        "Perché no? Così è la città.",
        "Qualità;Quantità;Città\n",
        "Ett nytt hus på en ö. Här får man bada.",
        "Smörgås 45 kr\nKöttbullar 89 kr\n",
        "Blåbærsyltetøy koster 40 kr. Åpent hver dag, også på søndager.",
        "Työ on tehty hyvin, ja se maksoi 40 €. Kiitos!",
        "She paid £3.50 for a café crème; naïve, wasn't it?",
        "The façade of the Café Zürich — see §4 — measures 40 × 30 m.",
        "It’s ‘fine’.",
        "Temp;°C\n1;20 °C\n2;30 °C\n",
        "x ± 0.5 µm\n",
        "© 2026 Widget Inc.®\nAll rights reserved™",
        "Rue de l’Église, Orléans",
        "Það er gott veður í dag. Ég fer út að ganga, þótt kalt sé á morgnana.",
        "El hotel está cerrado.",
        "He said “no” … and left.",
        "ÜBERSICHT DER PREISE FÜR GROSSHÄNDLER\nSTÜCK 5",
        "L'ÉCOLE EST FERMÉE",
        "ÅRSMÖTE 2026",
        "Art-Nr.\tBezeichnung\tPreis €\n1\tTür\t100,00 €\n2\tFenster\t80,00 €",
        "Mr. Gärtner flew from Málaga to Curaçao with Señor Núñez and Frøya Sørensen.",
        "Oslo;Tromsø\nMalmö;Göteborg\n",
        "• Erste Zeile\n• Zweite Zeile\n",
        "Fußnote¹ und Fläche in m²",
        "¥500 or ¢50? ½ cup of sugar, ¼ l",
        "dix-huit € et 50 ¢",
        "Straße",
        "La 1ère classe et la 2ème.\n1ère;2ème\n",
        "Wie geht´s? Gut.",
    ],
    "iso-8859-15": [
        "Hinta on 45 € päivässä. Sähkö maksetaan erikseen, ja avain on haettava ennen iltaa.",
        "Le cœur de la ville bat près de la gare. L'entrée coûte 12 € et les élèves ne paient rien.",
        "Le prix est de 12 € par élève. L'œuvre est belle.",
        "Der Preis beträgt 5 €, für Schüler 3 €.",
    ],
    "cp1250": [
        "Państwo, dziękujemy za przesłane dokumenty. Prosimy o wpłatę należności do końca miesiąca. W razie pytań jesteśmy do dyspozycji.",
        "Zaplatíme na určitou dobu, do tří měsíců od podpisu. Žádost je nutné podat včas.",
        "Ďakujeme za vašu objednávku, ktorú sme prijali včera. Tovar odošleme až po zaplatení faktúry.",
        "A szerződés határozott időre szól. A bérlő köteles a díjat minden hónap ötödik napjáig megfizetni.",
        "Vă mulţumim pentru scrisoare şi pentru răbdare. Contractul a fost semnat de părţi în luna martie.",
        "Molimo vas da račun platite do kraja mjeseca. Više obavijesti možete dobiti u našoj službi, koja je otvorena svaki dan.",
        "Prosimo, da račun plačate do konca meseca. Če imate vprašanja, smo vam na voljo vsak dan, razen ob nedeljah.",
        "Zażółć gęślą jaźń.",
        "Cena: 5 zł; ilość: 3 szt.; wysyłka gratis",
        "Łódź;Gdańsk;Kraków;Poznań",
        "Żaden z nas nie wie, że ją znalazł.",
        "Příliš žluťoučký kůň úpěl ďábelské ódy.",
        "Cena;Množství;Dodavatel\n5 Kč;3;Škoda\n",
        "Děkuji za zprávu, ozvu se zítra.",
        "Köszönöm szépen, hétfőn küldöm a levelet. Minden jót kívánok!",
        "Név;Cím;Összeg\nKovács Győző;Pécs;500 Ft\n",
        "Őszi gyűlés",
        "Bună ziua, vă rugăm să ne trimiteţi factura până joi. Mulţumim!",
        "Dobrý deň, ďakujem za ponuku. Ozvem sa vám v pondelok, keď sa vrátim z Košíc.",
        "Čakám na odpoveď do piatku, potom je už neskoro.",
        "Hvala vam što ste došli. Želimo vam ugodan dan i puno sreće u životu, kao i uvijek.",
        "Cijena je pet eura, a možete platiti i karticom. Više na šalteru.",
        "Vlak odpelje ob šestih. Če zamudite, počakajte na naslednjega, ki pride čez uro.",
        "ŁÓDŹ – ŻÓŁĆ",
        "Wałęsa was born in Popowo; he later moved to Gdańsk, where the shipyard was. It was the Łódź and Kraków branches of the union which joined.",
        "Dvořák and Smetana are the best known of the Czech composers. Dvořák was born in Nelahozeves near Kralupy.",
    ],
    "iso-8859-2": [
        "Zamówienie wyślemy w przyszłym tygodniu. Proszę o sprawdzenie adresu i numeru konta, który podaliśmy na początku.",
        "Nájemce je povinen zaplatit nájem do pátého dne v měsíci. Při prodlení se účtuje úrok, který je uveden ve smlouvě.",
        "A szerződés határozott időre szól. A bérlő köteles a díjat minden hónap ötödik napjáig megfizetni.",
        "Vă mulţumim pentru scrisoare şi pentru răbdare. Contractul a fost semnat de părţi în luna martie.",
        "Zażółć gęślą jaźń.",
        "Łódź;Gdańsk;Kraków;Poznań",
        "Żaden z nas nie wie, że ją znalazł.",
        "Příliš žluťoučký kůň úpěl ďábelské ódy.",
        "Děkuji za zprávu, ozvu se zítra.",
        "Proszę o przesłanie oferty cenowej na wskazany adres, najpóźniej do piątku.",
        "Želimo vam ugodan dan i puno sreće u životu. Hvala što ste došli, vidimo se opet.",
    ],
    "cp1251": [
        "Договор заключён на определённый срок. Арендатор обязан вносить плату до пятого числа.",
        "Договір укладено на певний строк. Орендар зобов’язаний вносити плату до п’ятого числа.",
        "Договорът е сключен за определен срок. Наемателят е длъжен да плаща до пето число на месеца.",
        "Уговор је закључен на одређено време. Закупац је дужан да плати до петог у месецу.",
        "Привет! Как дела?",
        "Артикул;Размер;Цена\nБолт;большой;10 руб.\n",
        "ИНСТРУКЦИЯ ПО ЭКСПЛУАТАЦИИ",
        "Дякую за листа, відповім завтра. Усе гаразд, не хвилюйтеся.",
        "Благодаря за писмото. Ще отговоря утре сутринта, ако имам време.",
        "Хвала на писму. Одговорићу сутра ујутру, ако будем имао времена.",
        "Дзякуй за ліст, адкажу заўтра раніцай. Усё добра.",
        "Файл config.txt не найден. Проверьте путь C:\\temp и повторите попытку.",
        "Цена – 500 руб. за штуку; «Ромашка»",
    ],
    "koi8-r": [
        "Договор заключён на определённый срок. Арендатор обязан вносить плату до пятого числа.",
        "Привет! Как дела?",
        "Артикул;Размер;Цена\nБолт;большой;10 руб.\n",
        "Файл config.txt не найден. Проверьте путь и повторите попытку.",
    ],
    "cp866": [
        "Договор заключен на определенный срок. Арендатор обязан вносить плату до пятого числа.",
        "Привет! Как дела?",
        "Файл config.txt не найден. Проверьте путь и повторите попытку.",
    ],
    "iso-8859-5": [
        "Договор заключён на определённый срок. Арендатор обязан вносить плату до пятого числа.",
        "Привет! Как дела?",
        "Файл config.txt не найден. Проверьте путь и повторите попытку.",
    ],
    "koi8-u": [
        "Договір укладено на певний строк. Орендар має вносити плату щомісяця, її розмір є сталим.",
        "Дякую за листа, відповім завтра. Усе гаразд, не хвилюйтеся. Її брат уже вдома.",
        "Їжак живе у лісі, а їжа його проста.",
    ],
    "cp1253": [
        "Η σύμβαση ισχύει για ένα έτος. Ο μισθωτής πληρώνει το ενοίκιο κάθε μήνα, πριν από τις πέντε.",
        "Καλημέρα! Τι κάνετε σήμερα;",
        "Το κατάστημα είναι κλειστό την Κυριακή. Άνοιξε πάλι τη Δευτέρα.",
    ],
    "iso-8859-7": [
        "Η σύμβαση ισχύει για ένα έτος. Ο μισθωτής πληρώνει το ενοίκιο κάθε μήνα, πριν από τις πέντε.",
    ],
    "cp1254": [
        "Sözleşme belirli bir süre için yapılmıştır. Kiracı ödemeyi her ayın beşine kadar yapar. Işıklar söndürülmüş olacak.",
        "Işıklar açık kaldı. Çocuklar okula gitti, öğretmen geldi.",
        "Ağrı;İzmir;Muş;Şırnak",
        "Bu ürünün fiyatı çok yüksek, değil mi?",
    ],
    "cp1255": [
        "החוזה תקף לתקופה של שנה אחת. השוכר ישלם את דמי השכירות עד החמישי בכל חודש.",
        "שלום, מה שלומך היום?",
        "החנות סגורה ביום שישי. היא תיפתח שוב ביום ראשון.",
    ],
    "cp1256": [
        "يسري العقد لمدة سنة واحدة. يدفع المستأجر الإيجار قبل اليوم الخامس من كل شهر.",
        "اين قرارداد براي مدت يک سال است. مستاجر بايد اجاره را پيش از پنجم هر ماه پرداخت کند.",
        "مرحبا، كيف حالك اليوم؟",
        "المتجر مغلق يوم الجمعة. سيفتح مرة أخرى يوم السبت.",
        "اين قرارداد براي مدت يک سال است. پس از آن چگونه؟",
    ],
    "cp932": [
        "契約の期間は一年です。借主は毎月五日までに賃料を支払います。",
        "今日は良い天気です。散歩に行きましょう。",
        "Title: 日本語のテスト\nHello world, this is an English text with one line.\n",
        "ｱｲｳｴｵ カタカナ",
    ],
    "euc-jp": [
        "契約の期間は一年です。借主は毎月五日までに賃料を支払います。",
        "今日は良い天気です。散歩に行きましょう。",
        "Title: 日本語のテスト\nHello world, this is an English text with one line.\n",
        "価格はいくらですか。",
    ],
    "iso2022_jp": [
        "契約の期間は一年です。借主は毎月五日までに賃料を支払います。",
    ],
    "gb18030": [
        "合同期限为一年。承租人应当在每月五日之前支付租金，逾期须付利息。",
        "今天天气很好。我们去散步吧。",
        "价格：五百元",
        "本公司生产各种机械设备，质量可靠，价格合理。欢迎新老客户来电洽谈。",
    ],
    "big5": [
        "契約的期限為一年。承租人應於每月五日之前支付租金，逾期須付利息。",
        "今天天氣很好。我們去散步吧。",
        "本公司生產各種機械設備，品質可靠，價格合理。歡迎新舊客戶來電洽談。",
    ],
    "cp949": [
        "계약 기간은 일 년입니다. 임차인은 매월 오일까지 임대료를 지급합니다.",
        "오늘은 날씨가 좋습니다. 산책하러 갑시다.",
        "Title: 한국어 시험\nHello world, this is an English text with one line.\n",
        "가격: 오백 원",
    ],
    "cp874": [
        "สัญญามีอายุหนึ่งปี ผู้เช่าต้องชำระค่าเช่าภายในวันที่ห้าของทุกเดือน",
    ],
    "cp1257": [
        "Leping sõlmitakse üheks aastaks. Üürnik maksab üüri iga kuu viiendaks päevaks, välja arvatud jõulud.",
        "Sutartis sudaryta vieneriems metams. Nuomininkas moka nuomą kiekvieną mėnesį, iki penktos dienos. Ačiū už jūsų laišką.",
        "Līgums ir noslēgts uz vienu gadu. Īrnieks maksā īri katru mēnesi līdz piektajam datumam.",
        "Ačiū už jūsų laišką, atsakysime rytoj. Visi darbai bus baigti laiku, kaip žadėjome.",
        "Paldies par vēstuli! Mēs atbildēsim rīt, jo šodien birojs ir slēgts visiem.",
        "Šokolaad ja žürii on sõnad, mida me õpime täna koolis. Homme õpime järgmisi sõnu.",
    ],
    "cp850": [
        "Die Brücke wurde im Frühjahr für den Verkehr geöffnet. Über die Straße führen täglich tausend Wagen.",
        "Bitte prüfen Sie den Ölstand wöchentlich. Größe: 5 m.",
    ],
    "mac_roman": [
        "Die Brücke wurde im Frühjahr für den Verkehr geöffnet. Über die Straße führen täglich tausend Wagen.",
    ],
    "mac-roman": [
        "Bitte prüfen Sie den Ölstand wöchentlich. Größe: 5 m.",
        "Le garçon est allé à l’école où il a été très sage.",
    ],
}


# Broken by: any of the code pages left out; signs or capitals allowed anywhere; a language's words
# or its commonest letters not looked at; equals taken in another order.
@pytest.mark.parametrize(
    ("encoding", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts]
)
def test_short_texts_come_out_exactly(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


# Broken by: a language whose letters the page doesn't have held to be no objection.
@pytest.mark.parametrize(
    "text",
    [
        "Oni są w domu i czekają na gości, jak to jest po pracy.",
        "To jest dla mnie nowe, ale nie wiem, czy oni są z nami, jak był on.",
    ],
)
def test_words_in_ascii_tell_the_page_too(text: str) -> None:
    assert decode(text.encode("cp1250")) == text


PRICES = "".join(f"{1000 + n};Dübel M{n};groß;{n % 90},{n % 100:02d} €;Köln\n" for n in range(2000))


@pytest.mark.parametrize("rows", [1, 40, 200, 2000])
def test_a_price_list_is_read_however_long_it_is(rows: int) -> None:
    text = "Nr;Artikel;Größe;Preis;Ort\n" + "\n".join(PRICES.split("\n")[:rows])
    assert decode(text.encode("cp1252")) == text


# What is in no such code page is left to others.
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"only ascii",
        "Title: 日本語のテスト\nand an English line\n".encode("shift_jis"),
        "Title: 中文测试\nand an English line\n".encode("gb18030"),
        "für Köln".encode() + b"\xc3",
        b"M\xfcnchen \x00\x01",
        b"\x89PNG\x02\xff\xd8",
        bytes(range(128, 256)) * 20,
    ],
)
def test_other_bytes_are_not_taken(data: bytes) -> None:
    assert decode_by_letters(data) is None


# Broken by: every occurrence looked at.
def test_many_bytes_take_no_longer_than_a_few() -> None:
    text = "Die Brücke wurde im Frühjahr für den Verkehr geöffnet. " * 50_000
    assert decode(text.encode("cp1252")) == text
    assert decode_by_letters(bytes(range(128, 256)) * 20_000) is None
