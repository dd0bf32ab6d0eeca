"""Tests on histograms: Nσ, q0 and windows, with their toys and templates."""
