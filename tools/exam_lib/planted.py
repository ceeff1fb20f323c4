"""Personal data that is nobody's, made as those who give numbers out make them, and the ways that texts write it."""

import string

DIGITS = string.digits


def _digits(chance, count):
    return "".join(chance.choice(DIGITS) for _ in range(count))


def _luhn(number):
    odd = sum(map(int, number[-1::-2]))
    even = sum(sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (odd + even) % 10


def card(chance):
    begin, length = chance.choice([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("3528", 16)])
    body = begin + _digits(chance, length - len(begin) - 1)
    number = next(body + d for d in DIGITS if _luhn(body + d) == 0)
    if length == 15:
        return chance.choice([number, f"{number[:4]} {number[4:10]} {number[10:]}"])
    gap = chance.choice(["", " ", "-"])
    return gap.join(number[i:i + 4] for i in range(0, 16, 4))


def iban(chance):
    country, body = chance.choice([("DE", _digits(chance, 18)), ("NL", "ABNA" + _digits(chance, 10)), ("GB", "WEST" + _digits(chance, 14)),
                                   ("ES", _digits(chance, 20)), ("AT", _digits(chance, 16)), ("BE", _digits(chance, 12))])
    as_number = int("".join(str(int(c, 36)) for c in body + country + "00"))
    whole = f"{country}{98 - as_number % 97:02}{body}"
    return whole if chance.random() < 0.5 else " ".join(whole[i:i + 4] for i in range(0, len(whole), 4))


def email(chance):
    name = chance.choice(["jane.doe", "j_smith", "info", "ana+news", "li.wei88", "o'brien", "x"])
    host = chance.choice(["example.org", "mail.example.co.uk", "uni-bonn.example.de", "163.example.com", "example.travel"])
    return f"{name}{chance.choice(['', _digits(chance, 2)])}@{host}"


def phone(chance):
    area, number = f"{chance.randint(2, 9)}{_digits(chance, 2)}", f"{chance.randint(2, 9)}{_digits(chance, 2)}-{_digits(chance, 4)}"
    return chance.choice([f"+1 ({area}) {number}", f"({area}) {number}", f"+49 30 {chance.randint(2, 9)}{_digits(chance, 6)}",
                          f"+44 20 7{_digits(chance, 3)} {_digits(chance, 4)}", f"+33 1 {' '.join(_digits(chance, 2) for _ in range(4))}",
                          f"+34 9{_digits(chance, 2)} {_digits(chance, 3)} {_digits(chance, 3)}", f"phone: 0{chance.randint(20, 99)} {chance.randint(2, 9)}{_digits(chance, 6)}"])


def ip(chance):
    if chance.random() < 0.5:
        begin = f"{chance.randint(11, 126)}.{chance.randint(0, 255)}" if chance.random() < 0.5 else "192.168"
        return f"{begin}.{chance.randint(0, 255)}.{chance.randint(1, 254)}"
    return "2001:db8:" + ":".join(f"{chance.randrange(1 << 16):x}" for _ in range(6))


def national_id(chance):
    return chance.choice([_cpf, _dni, _ssn, _resident_id])(chance)


def _cpf(chance):
    digits = [int(d) for d in _digits(chance, 9)]
    for _ in range(2):
        rest = sum(d * (len(digits) + 1 - i) for i, d in enumerate(digits)) * 10 % 11 % 10
        digits.append(rest)
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


def _dni(chance):
    number = _digits(chance, 8)
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def _ssn(chance):
    return f"{chance.choice([chance.randint(1, 665), chance.randint(667, 728)]):03}-{chance.randint(1, 99):02}-{chance.randint(1, 9999):04}"


def _resident_id(chance):
    body = f"{chance.randint(110000, 659000)}19{chance.randint(50, 99)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}{_digits(chance, 3)}"
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights)) % 11]


CLASSES = {"card": card, "email": email, "iban": iban, "ip": ip, "national_id": national_id, "phone": phone}

# How honest text writes it; all of it should be found.
PLAIN = {
    "prose": "Please write down {} before we go on.",
    "end of a sentence": "It was {}.",
    "in brackets": "the usual one ({}), as before",
    "quoted": 'they said "{}" twice',
    "JSON": '{{"name":"x","value":"{}","n":1}}',
    "CSV": "7,x,{},2024-02-29,ok",
    "semicolons": "7;x;{};2024-02-29",
    "tabs": "7\tx\t{}\tok",
    "a table": "| x | {} | ok |",
    "Markdown": "- **{}** (new)",
    "HTML": "<td>{}</td>",
    "a line of its own": "first\n{}\nlast",
    "key and value": "value={} next=1",
    "a log": "2024-02-29T12:00:00Z INFO user={} ok",
}
# How text writes it that means to be missed, or that was set by a typesetter.
HIDDEN = {
    "no-break spaces": lambda value: value.replace(" ", "\u00a0"),
    "no-break hyphens": lambda value: value.replace("-", "\u2011"),
    "fullwidth digits": lambda value: "".join(chr(ord(c) + 0xFEE0) if c in DIGITS else c for c in value),
    "zero-width spaces": lambda value: "\u200b".join(value),
    "soft hyphens": lambda value: value[:5] + "\u00ad" + value[5:],
    "HTML entities": lambda value: value.replace(" ", "&nbsp;").replace("@", "&#64;"),
}
