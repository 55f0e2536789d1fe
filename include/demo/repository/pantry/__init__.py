"""Price lists, orders and invoices of a small wholesale pantry."""
