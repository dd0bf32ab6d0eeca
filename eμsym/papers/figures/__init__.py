"""The figures of the two papers, and of the studies beside them: results in, a figure out."""
