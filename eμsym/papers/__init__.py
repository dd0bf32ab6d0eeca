"""The studies and the printed numbers of the two papers, behind ``emusym reproduce``."""
