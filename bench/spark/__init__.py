"""What the night costs on Spark, by size and by workers, beside DuckDB."""
