"""Tests on events: the symmetrized likelihood ratio by networks and splines, and its peers."""
