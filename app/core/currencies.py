"""How many digits the minor unit of a currency has, by ISO 4217: EUR 2, JPY 0, KWD 3."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

MAX_EXPONENT = 4

# The standard's table has what is money today; events may tell of years when these still were.
RETIRED = {
    "ANG": 2,
    "BGN": 2,
    "BYR": 0,
    "CUC": 2,
    "HRK": 2,
    "LTL": 2,
    "MRO": 2,
    "SLL": 2,
    "STD": 2,
    "VEF": 2,
    "ZWL": 2,
}


@cache
def exponents() -> Mapping[str, int]:
    """The exponent by currency code; what has no minor unit, such as gold, is not in it."""
    # The official table. CLDR's digits, which babel has, tell how to show an amount, and differ:
    # 0 for HUF, whose minor unit is a hundredth. Imported here because it parses the table then.
    from iso4217 import raw_table

    digits = {code: str(entry["CcyMnrUnts"]) for code, entry in raw_table.items() if code}
    current = {code: int(text) for code, text in digits.items() if text.isdigit()}
    return MappingProxyType(RETIRED | current)
