"""Where code lives while agents work on it: mirrors, one clone per session, commits, patches, carriers.

Every git process of the harness starts in `git.py`. A session gets an ordinary clone with a `.git` of its
own that the harness never reads: what counts is the content of the files.
"""
