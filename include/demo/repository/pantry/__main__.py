"""`python3 -m pantry [SKU QUANTITY]…`: the price list, or an invoice."""

import sys

from pantry.catalogue import Catalogue
from pantry.invoice import Invoice
from pantry.orders import Order

catalogue = Catalogue.read()
words = sys.argv[1:]
if words:
    order = Order("a guest")
    for sku, quantity in zip(words[::2], words[1::2], strict=True):
        order.add(sku, int(quantity))
    print(Invoice.of(order, catalogue).text())
else:
    print(catalogue.price_list())
