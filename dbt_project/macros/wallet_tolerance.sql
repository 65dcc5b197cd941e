{#
    How far two wallets may differ and still count as equal, in money. Averages and interpolated quantiles are
    rounded in binary; amounts are whole cents (or what the currency has) over whole months, so that unequal ones differ by far more.
#}
{% macro wallet_tolerance() -%}
    1e-7
{%- endmacro %}
