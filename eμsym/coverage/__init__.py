"""Whether the printed numbers hold: studies of toys with a known truth, stored in the docs."""
