{# A money figure as text with two decimals, cut and not rounded: 999.9992 must not read as 1000.00. #}
{% macro money_text(amount) -%}
    cast(cast(floor(cast({{ amount }} as decimal(18, 4)) * 100) / 100 as decimal(18, 2)) as {{ text_type() }})
{%- endmacro %}
