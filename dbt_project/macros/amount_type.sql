{# The type of an amount: the decimals are those of the reporting currency. #}
{% macro amount_type() -%}
    decimal(18, {{ var('amount_scale') | int }})
{%- endmacro %}


{# The type of an average amount, or of an estimate in money: two decimals more, and four at least. #}
{% macro average_type() -%}
    decimal(18, {{ var('average_scale') | int }})
{%- endmacro %}
