import unittest
from decimal import Decimal

from pantry.catalogue import Catalogue
from pantry.invoice import Invoice
from pantry.orders import Order


class Invoices(unittest.TestCase):
    def setUp(self):
        self.catalogue = Catalogue.read()

    def test_every_line_is_taxed_by_its_kind(self):
        invoice = Invoice.of(Order("Canteen").add("jam-plum", 2).add("crate"), self.catalogue)
        self.assertEqual([line.tax for line in invoice.lines], [Decimal("0.63"), Decimal("1.14")])
        self.assertEqual(invoice.net, Decimal("15.00"))
        self.assertEqual(invoice.total, Decimal("16.77"))

    def test_two_small_lines_of_one_product_reach_its_volume_price(self):
        invoice = Invoice.of(Order("Canteen").add("jam-plum", 6).add("jam-plum", 6), self.catalogue)
        self.assertEqual(invoice.net, Decimal("49.20"))

    def test_the_text_names_the_customer_and_the_total(self):
        text = Invoice.of(Order("Canteen").add("honey-linden"), self.catalogue).text()
        self.assertIn("Invoice for Canteen", text)
        self.assertIn("8.45 EUR", text)


if __name__ == "__main__":
    unittest.main()
