"""How fast Mainstay is and how much memory it takes; each benchmark writes a document in docs/.

`python -m bench`          against a bare DuckDB script, at any number of transactions: benchmarks.md
`python -m bench.history`  corrections, backfills and a long history: benchmarks-history.md
`python -m bench.models`   fitting, by number of customers: benchmarks-models.md
`python -m bench.offers`   offers by number of products and customers, and what they hit: benchmarks-offers.md
`python -m bench.spark`    Spark beside DuckDB, by number of transactions: benchmarks-spark.md
"""
