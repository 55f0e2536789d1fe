import unittest
from decimal import Decimal

from pantry.catalogue import Catalogue
from pantry.pricing import unit_price


class UnitPrices(unittest.TestCase):
    def setUp(self):
        self.catalogue = Catalogue.read()

    def test_a_few_pieces_cost_the_single_price(self):
        self.assertEqual(unit_price(self.catalogue, "jam-plum", 9), Decimal("4.50"))
        self.assertEqual(unit_price(self.catalogue, "tea-mint", 500), Decimal("3.20"))

    def test_a_dozen_costs_the_first_volume_price(self):
        self.assertEqual(unit_price(self.catalogue, "jam-plum", 12), Decimal("4.10"))
        self.assertEqual(unit_price(self.catalogue, "honey-linden", 12), Decimal("7.20"))

    def test_a_pallet_costs_the_best_volume_price(self):
        self.assertEqual(unit_price(self.catalogue, "jam-plum", 120), Decimal("3.60"))

    def test_nothing_has_no_price(self):
        with self.assertRaises(ValueError):
            unit_price(self.catalogue, "jam-plum", 0)


if __name__ == "__main__":
    unittest.main()
