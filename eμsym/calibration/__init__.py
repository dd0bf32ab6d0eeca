"""The detector's e/μ difference: measured in the pair itself, or read, and taken out."""
