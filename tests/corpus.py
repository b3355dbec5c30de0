"""The amount corpus of safety §4.1: literals that no entry point may take for an amount."""

_DIGITS = ["٣", "३", "１２", "²", "½", "Ⅷ", "一千", "१०.५", "𝟙𝟘", "①"]  # other alphabets' digits
_EXPONENTS = [
    f"{mantissa}{e}{exponent}"
    for mantissa in ("1", "1.5", "9")
    for e in "eE"
    for exponent in (
        "0",
        "1",
        "+1",
        "-1",
        "9",
        "18",
        "308",
        "999999",
        "-999999",
        "99999999999",
    )
]
_SPECIALS = [
    f"{sign}{word}"
    for sign in ("", "-", "+")
    for word in (
        "NaN",
        "nan",
        "sNaN",
        "NaN123",
        "qnan",
        "inf",
        "Inf",
        "INF",
        "Infinity",
        "infinity",
        "∞",
    )
]
_SIGNS = ["+1", "-1", "--1", "+-1", "-0", "+0", "-0.0", "1-", "1+", "−1", "±1", "(1)", "-1e5"]
_SEPARATORS = [
    "1_000",
    "1,000",
    "1 000",
    "1'000",
    "1’000",
    "1\u00a01",
    "1\u202f000",
    "1.000,50",
    "1,5",
    "1·5",
    "1٫5",
    "1，5",
    "1。5",
]
_POINTS = [".", ".5", "5.", "0.", ".0", "1..2", "1.2.3", "..1", "1.", "1 .5", "1. 5"]
_ZEROS = ["00", "01", "007", "00.5", "0_0", "0x10", "0b1", "0o7", "0X1F"]
_BLANKS = ["", " ", "\n", "\t", "\r\n", "\u3000", "\ufeff", "\u200b"]
_PADDED = [
    f"{before}{after}"
    for before, after in (
        (" ", "1"),
        ("1", " "),
        ("1", "\n"),
        ("\n", "1"),
        ("1", "\r"),
        ("1", "\x00"),
        ("\x00", "1"),
        ("\ufeff", "1"),
        ("1", "\u200b"),
        ("\u200b", "1"),
        ("\u202e", "1"),
        ("1", "\u2028"),
        ("1", "\u0301"),
        ("1", "\x1f"),
        ("\t", "1"),
    )
]
_WORDS = [
    "one",
    "all of it",
    "half",
    "max!",
    "null",
    "None",
    "true",
    "undefined",
    "1 USDT",
    "USDT 1",
    "$1",
    "1$",
    "€1",
    "1%",
    "1k",
    "1m",
    "1/2",
    "1:2",
    "1*2",
    "2^3",
    "1=1",
    "#1",
    "@1",
    "1;DROP",
    "' OR 1=1",
    "{{1}}",
    "${1}",
    "%d",
    "\\u0031",
    "&#49;",
    "<b>1</b>",
    "[1]",
    "{1}",
    "1j",
    "1l",
    "1f",
    "1d",
    "0.1.",
    "一",
    "百",
    "壹",
    "两",
    "很多",
    "全都",
]
_LONG = (
    ["9" * n for n in (19, 20, 38, 39, 40, 41, 78, 5_000)]
    + ["0." + "0" * n + "1" for n in (18, 19, 40, 5_000)]
    + [
        "1" + "0" * 18,
        "1." + "0" * 19,
        "1." + "1" * 39,
        "0" * 5_000,
        "." * 5_000,
        "1e" + "9" * 5_000,
        "-" * 5_000,
    ]
)
_REPEATED = [
    f"{a}{b}"
    for a in ("1", "0.5", "12.25")
    for b in (
        "a",
        "e",
        "E",
        "x",
        "_",
        ",",
        " ",
        "\n",
        "\u0660",
        "\uff10",
        "。",
        "%",
        "k",
        "K",
        "M",
        "B",
        "f",
        "L",
        "\u00bd",
        "\u2460",
        "\u0967",
        "\u06f1",
        "\u2170",
        "\u200d",
        "\u00ad",
        "\u2212",
        "\u066b",
        "\u066c",
        "\u3007",
        "\u5341",
    )
]

NASTY_AMOUNTS: list[str] = sorted(
    {
        *_DIGITS,
        *_EXPONENTS,
        *_SPECIALS,
        *_SIGNS,
        *_SEPARATORS,
        *_POINTS,
        *_ZEROS,
        *_BLANKS,
        *_PADDED,
        *_WORDS,
        *_LONG,
        *_REPEATED,
    }
)
"""More than three hundred of them; none is an amount for any entry point."""
