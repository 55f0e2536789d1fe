import unittest

from pantry.orders import Order


class Orders(unittest.TestCase):
    def test_the_same_product_twice_is_one_line(self):
        order = Order("Canteen").add("jam-plum", 5).add("crate").add("jam-plum", 7)
        self.assertEqual(order.quantities, {"jam-plum": 12, "crate": 1})

    def test_nothing_cannot_be_ordered(self):
        with self.assertRaises(ValueError):
            Order("Canteen").add("jam-plum", 0)


if __name__ == "__main__":
    unittest.main()
