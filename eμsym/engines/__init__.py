"""Ways to train the nets of the unbinned tests: torch, a compiled loop, quadrature nodes, a GPU.

All minimise the same loss from the same initial parameters with the same
optimiser (`interface`), so a test does not know which of them it uses.
"""
