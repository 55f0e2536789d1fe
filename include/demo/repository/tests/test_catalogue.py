import unittest

from pantry.catalogue import Catalogue, UnknownProduct


class TheCatalogue(unittest.TestCase):
    def setUp(self):
        self.catalogue = Catalogue.read()

    def test_an_unknown_product_is_named(self):
        with self.assertRaisesRegex(UnknownProduct, "marmalade"):
            self.catalogue.product("marmalade")

    def test_the_price_list_goes_from_small_to_large_quantities(self):
        plum = self.catalogue.price_list().splitlines()[:4]
        self.assertEqual([line.split()[1] for line in plum[1:]], ["10", "50", "100"])

    def test_a_product_without_volume_prices_has_one_line(self):
        lines = self.catalogue.price_list().splitlines()
        tea = next(number for number, line in enumerate(lines) if line.startswith("Mint tea"))
        self.assertTrue(lines[tea + 1].startswith("Wooden crate"))


if __name__ == "__main__":
    unittest.main()
