"""Apache Spark as the engine: its session, the lake with its manifest, and dbt on it. Needs the extra `mainstay[spark]`."""
