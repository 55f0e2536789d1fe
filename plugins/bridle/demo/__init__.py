"""`bridle demo`: a small real repository with a bug, laid out fresh; the real workflow works on it; then its
outcome is checked from outside.
"""
