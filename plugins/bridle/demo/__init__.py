"""`bridle demo`: a small real repository with a bug, laid out fresh; the real workflow works on it; then it is
looked at with eyes of its own.
"""
