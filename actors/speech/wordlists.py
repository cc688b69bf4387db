"""Closed word lists, English and Spanish, that the guard and the language guess read.

Words are written as `actors.speech.sentences.fold` gives them: lower case, without accents.
"""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())


STOPWORDS: dict[str, frozenset[str]] = {
    "en": word_set(
        """a about also am an and are as at be been being but by can could did do does doing done
        for from get gets getting got had has have having he her here hers him his how i in into
        is it its itself just let like may me might mine my of off on onto or our ours out own
        please she should so some such than that the their theirs them then there these they this
        those through to too us very was we were what when where which who whom whose why will with
        would yes you your yours yourself s t re ve ll d m any within while because however
        according information note simply usually generally normally currently"""
    ),
    "es": word_set(
        """a al algo alguna algunas alguno algunos ante aqui asi aun aunque como con cual cuales
        cuando cuyo de del desde donde el ella ellas ellos en entonces era es esa esas ese eso esos
        esta estaba estan estar estas este esto estos estoy fue fueron ha haber habia han has hay he
        hemos la las le les lo los me mi mis muy nos nosotros nuestra nuestras nuestro nuestros o os
        para pero por porque pueda puede pueden puedes podemos podra podras poder que quien quienes
        se sea sean segun ser sido siendo sobre son soy su sus tal tambien tan te tener tiene
        tienen tienes tenemos ti tu tus u un una unas uno unos usted ustedes va vamos van ya y yo
        dentro debe deben debes deberia mientras informacion favor normalmente
        generalmente"""
    ),
}
"""Words that carry no claim of their own."""

ASKING: frozenset[str] = word_set(
    """want need know tell help wondering wonder would like long much many often possible able
    happen happens try trying mean means
    quiero quisiera queria necesito gustaria tengo hago hacer hacen hace saber decir decirme
    ayuda ayudar cuanto cuanta cuantos cuantas otro otra otros otras posible puedo pasa sirve"""
)
"""Words of a question that say nothing of its topic."""

NEGATORS: frozenset[str] = word_set(
    """not no never none nothing nobody neither nor without cannot cant dont doesnt didnt isnt arent
    wasnt werent wont wouldnt shouldnt couldnt havent hasnt hadnt mustnt neednt non unable
    impossible nunca jamas sin ni tampoco ningun ninguna ninguno nada nadie imposible"""
)
"""Words that turn a clause round; `don't` is written as `speech.sentences.words` gives it."""

_OPERATOR_GROUPS: dict[str, str] = {
    "if": "if unless provided si",
    "only": "only solely exclusively solo solamente unicamente exclusivamente",
    "all": "all every each always everything everyone todo toda todos todas cada siempre",
    "before": "before prior earlier antes previo previa",
    "after": "after afterwards later once despues tras posterior posteriormente",
    "until": "until till hasta",
    "more": "more over above exceeding exceeds mas superior superiores mayor mayores supera",
    "less": "less under below fewer menos inferior inferiores menor menores",
    "least": "least minimum minimo minima",
    "most": "most maximum maximo maxima",
    "except": "except excluding excepto salvo excluidos excluidas",
    "free": "free gratis gratuito gratuita gratuitos gratuitas",
    "lifetime": "lifetime forever vitalicio vitalicia permanente permanentemente",
    "high": "high higher highest alto alta altos altas elevado elevada",
    "low": "low lower lowest bajo baja bajos bajas",
    "open": "open opens abre abren abierto abierta abiertos abiertas",
    "closed": "closed closes cierra cierran cerrado cerrada cerrados cerradas",
    "instant": "instantly immediately instant inmediatamente inmediato inmediata",
    "minute": "minute minutes minuto minutos",
    "hour": "hour hours hourly hora horas",
    "day": "day days daily dia dias diario diaria",
    "week": "week weeks weekly semana semanas semanal",
    "month": "month months monthly mes meses mensual",
    "year": "year years yearly annual ano anos anual",
    "%": "% percent porciento",
    "€": "€ euro euros eur",
    "$": "$ dollar dollars usd dolar dolares",
    "£": "£ pound pounds gbp libra libras",
}
OPERATORS: dict[str, str] = {
    word: name for name, words in _OPERATOR_GROUPS.items() for word in words.split()
}
"""Words that change what a claim promises: one that the source lacks is an invention."""

SIGNS: frozenset[str] = frozenset("%€$£")
"""The operators that name a number's unit."""

_EN = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen twenty"""
_ES = """cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince
dieciseis diecisiete dieciocho diecinueve veinte"""
_TENS = (
    ("thirty", "treinta", "30"),
    ("forty", "cuarenta", "40"),
    ("fifty", "cincuenta", "50"),
    ("sixty", "sesenta", "60"),
    ("seventy", "setenta", "70"),
    ("eighty", "ochenta", "80"),
    ("ninety", "noventa", "90"),
    ("hundred", "cien", "100"),
    ("thousand", "mil", "1000"),
)
NUMBER_WORDS: dict[str, str] = {
    **{word: str(value) for value, word in enumerate(_EN.split())},
    **{word: str(value) for value, word in enumerate(_ES.split())},
    **{word: value for en, es, value in _TENS for word in (en, es)},
    "twice": "2",
    "veintiuno": "21",
    "veinticuatro": "24",
}

PRONOUN_NUMBERS: frozenset[str] = frozenset({"one", "uno"})
"""Number words that are pronouns too, and so are not counted."""

ABBREVIATIONS: frozenset[str] = word_set(
    """mr mrs ms dr prof sr sra srta ud uds nro num pag tel ext av approx aprox vs etc inc ltd
    co corp dept fig e.g i.e eg ie p.ej ej a.m p.m u.s u.k ee.uu"""
)
"""A full stop after one of these ends no sentence."""
