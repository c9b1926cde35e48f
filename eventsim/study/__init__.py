"""Settings over seeds: many runs, one table and one picture."""
