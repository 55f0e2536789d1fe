"""Steps that wait for somebody."""
