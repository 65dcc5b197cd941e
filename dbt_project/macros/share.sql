{# A part's share of its total, DOUBLE; null where the total is not above zero: it would mean nothing. #}
{% macro share(part, total) -%}
    case when {{ total }} > 0 then cast({{ part }} as double) / cast({{ total }} as double) end
{%- endmacro %}
