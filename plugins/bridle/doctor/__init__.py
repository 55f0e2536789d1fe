"""Looks at an installation and says what is well, what is not, and what to do about it: `bridle doctor`.

`patient` is what is looked at; each module with checks is a list of small functions, `examination` runs them
all. A check reads and tries, it changes nothing and spends nothing.
"""
