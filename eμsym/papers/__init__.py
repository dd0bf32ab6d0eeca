"""All of the two papers: figures and numbers, stored results, studies, and their scripts.

`eμsym.papers.catalogue` lists what ``emusym reproduce`` makes, an entry for each figure.
"""
