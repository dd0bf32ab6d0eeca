"""Many regions, observables and tests at once, with one global p-value."""
