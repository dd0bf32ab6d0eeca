"""What `emusym run` and `emusym test` compute of a processed folder; prints and draws nothing."""
