{# A part's share of its total, DOUBLE; null where the total is not above zero: it would mean nothing. #}
{% macro share(part, total) -%}
    case when {{ total }} > 0 then cast({{ part }} as double) / cast({{ total }} as double) end
{%- endmacro %}


{# A part's rate of its total where groups are compared, DOUBLE; null over fewer than min_group_answers: chance. #}
{% macro group_rate(part, total) -%}
    case
        when {{ total }} >= {{ var('min_group_answers') }} then cast({{ part }} as double) / cast({{ total }} as double)
    end
{%- endmacro %}
