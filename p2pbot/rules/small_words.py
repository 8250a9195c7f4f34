"""What tells languages apart that share a script: their small words, and letters that only one of them has.

Promise: tables, no decision (``languages`` decides). They are tried by every example of the starter packs.
"""

from __future__ import annotations

import regex

# Words that tell a language from the others here, as people type them in such chats (folded: without accents). A word
# of two of these languages stands in both and tells nothing between them.
_WORDS = {
    "en": """
        the you your is are am was have has had do did does i we to it and for what how where when which please pls
        hello hi hey good morning evening thanks thank thx ty tysm why answer call me add on no sent send done my
        not can will would bank account acc paid just there reply company someone friend never sir bro""",
    "es": """
        el la los las que es por para con mi tu su le me te se ya hola gracias como cuanto cuando donde pago pague
        pagado envie listo si una un no hay alguien buenas buenos dias tardes noches saludos favor hice hecho
        realizado realizada transferi acabo cuenta banco desde esta estas yo usted puede puedo tiempo espero
        esperando revise libere llego muchas muy todavia aun dinero amigo conteste responde tercero terceros codigo
        tienes llameme llamame pasame voy a""",
    "pt": """
        o a os as que e por para pra com meu minha seu sua me te se ja ola oi oie opa como quanto quando onde pago
        pague paguei enviei voce voces nao sim uma um obrigado obrigada obg valeu vlw bom dia boa tarde noite pix
        fiz feito pagamento realizado transferi acabei conta banco qual chave faco manda passa ta tem alguem ai
        libera caiu demorar aguardo estou confere ninguem outra responde favor tempo vou agradeco quer codigo no na
        chama zap""",
    "fr": """
        le la les des du que est par pour avec mon ma votre vos vous nous je j ai tu il oui non une un deja bonjour
        bonsoir bjr bsr salut slt merci comment combien quand ou paye payer paie envoye virement paiement effectue
        viens compte banque quelle quel svp temps attends attente repondez reponse dormez pas encore c ca sur dans
        fait toujours longtemps rib quelqu""",
    "tr": """
        bir ve bu ne nasil merhaba merhabalar selam slm iyi gunler gunaydin kolay gelsin tesekkurler tesekkur ederim
        ederiz sagol sagolun eyvallah odeme odemeyi odedim odendi gonderdim yaptim attim evet hayir lutfen tamam mi
        mu misiniz musunuz var yok hangi nereye nerede hesap hesabim hesabimdan para parayi geldi zaman kadar
        bekliyorum serbest orada cevap esim neden simdi icin banka bankaya kodu numaraniz""",
    "vi": """
        ban minh toi anh chi em da roi chua cam xin chao chuyen khoan tien khong duoc nhe nha vay nao sao gi cho cua
        va giup voi lau bao nhieu thanh toan ngan hang tai so stk ck vua xong nhan dau la co ai uy tin thue lenh ma""",
    "hi": """
        hai kya karo karu kardo kro kar kiya bhai bhaiya kaise maine mujhe mera meri paise paisa bhej bheju bhejo
        bhejna diya diye diy gaya gya ho nahi nhi kab kitna kitni kitne jaldi namaste namaskar dhanyavaad dhanyawad
        shukriya apna aapka aap tum koi ke ka ki abhi karunga chalega lagega dost dusre kis lo ji haan par do""",
    "ru": """
        privet zdravstvuyte zdravstvuite oplatil oplatila oplacheno perevel perevela otpravil otpravila skinul kuda
        kogda spasibo mozhno dengi karty karta otpustite perevodit oplatit""",
    "ar": "alaikum alaykum aleikum marhaba shukran chokran dafa3t dafa3et hawalt 7awalt aldafe altahwil kif kayf adfa3",
    "de": "der die das ist ich sie und mit hallo danke bitte bezahlt nein ja wie eine",
    "it": "il lo gli che per con mio ciao grazie come pagato inviato una sono",
    "id": "yang saya anda sudah belum terima kasih halo tolong bayar transfer tidak ya kak",
}
SMALL_WORDS = {code: frozenset(words.split()) for code, words in _WORDS.items()}
# Letters that (of the languages above) one writes: as good as two words.
TELLING_LETTERS = {
    "vi": regex.compile(r"[ăơưđ\u1ea0-\u1ef9]", regex.IGNORECASE),
    "tr": regex.compile(r"[ğışİ]"),
    "es": regex.compile(r"[¿¡ñ]", regex.IGNORECASE),
    "pt": regex.compile(r"[ãõ]", regex.IGNORECASE),
}
# English that people of every language begin with.
INTERNATIONAL = frozenset(
    ["hi", "hello", "hey", "ok", "okay", "yes", "no", "thanks", "thank", "you", "bro", "sir", "please", "pls"]
)
