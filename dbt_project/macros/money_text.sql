{# A money figure as text with the currency's decimals, cut and not rounded: 999.9992 must not read as 1000.00. #}
{% macro money_text(amount) -%}
    {%- set units = 10 ** (var('amount_scale') | int) -%}
    cast({{ to_amount('floor(cast(' ~ amount ~ ' as ' ~ average_type() ~ ') * ' ~ units ~ ') / ' ~ units ~ 'e0') }} as {{ text_type() }})
{%- endmacro %}
