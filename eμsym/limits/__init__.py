"""Upper limits and intervals of signal strengths, each background measured in the other sample."""
