"""Constants that the tests of the step share."""

from __future__ import annotations

from datetime import date

DAY = date(2024, 3, 1)
PARTITIONS = {"transactions": [DAY]}

MART = """\
apiVersion: v3.1.0
kind: DataContract
id: urn:mainstay:mart:{name}
name: {name}
version: 1.0.0
status: active
domain: tiers
schema:
  - name: {name}
    dataGranularityDescription: One row per customer.
    quality:
      - {{name: filled, metric: rowCount, mustBeGreaterThan: 0}}
      - name: mean
        type: custom
        engine: greatExpectations
        implementation: {{type: expect_column_mean_to_be_between, kwargs: {{column: amount, min_value: 0}}}}
    properties:
      - {{name: customer_id, physicalType: VARCHAR, primaryKey: true, required: true}}
      - name: tier
        physicalType: VARCHAR
        quality:
          - {{metric: invalidValues, arguments: {{validValues: [gold, silver]}}, mustBe: 0}}
          - {{metric: nullValues, mustBeLessThan: 2}}
      - {{name: share, physicalType: DOUBLE, logicalTypeOptions: {{minimum: 0, maximum: 1}}}}
      - {{name: amount, physicalType: "DECIMAL(18,2)", required: true}}
"""
