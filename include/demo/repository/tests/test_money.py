import unittest
from decimal import Decimal

from pantry.money import cents, show


class Money(unittest.TestCase):
    def test_halves_round_upwards(self):
        self.assertEqual(cents(Decimal("0.125")), Decimal("0.13"))
        self.assertEqual(cents(Decimal("0.124")), Decimal("0.12"))

    def test_amounts_are_shown_with_currency(self):
        self.assertEqual(show(Decimal("1234.5")), "1,234.50 EUR")


if __name__ == "__main__":
    unittest.main()
