{# The type of an amount: the decimals are those of the reporting currency. #}
{% macro amount_type() -%}
    decimal(18, {{ var('amount_scale') | int }})
{%- endmacro %}


{# The type of an average amount, or of an estimate in money: two decimals more, and four at least. #}
{% macro average_type() -%}
    decimal(18, {{ var('average_scale') | int }})
{%- endmacro %}


{# A DOUBLE or a quotient as an amount. #}
{% macro to_amount(expression) -%}
    {{ to_decimal(expression, var('amount_scale')) }}
{%- endmacro %}


{# A DOUBLE or a quotient as an average. #}
{% macro to_average(expression) -%}
    {{ to_decimal(expression, var('average_scale')) }}
{%- endmacro %}
