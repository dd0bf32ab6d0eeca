"""The one loop over toys and relabellings: one core or all, Dask, in memory or on disk."""
