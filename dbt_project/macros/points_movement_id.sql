{# A movement of points by what it is: the only separator left in a source's number is ours, so no two read the same. #}
{% macro points_movement_id(relation) -%}
    {{ relation }}.movement || ':' || cast({{ relation }}.business_date as {{ text_type() }})
        || coalesce(':' || replace(replace({{ relation }}.source_id, '%', '%25'), ':', '%3A'), '')
        || ':' || {{ relation }}.customer_id
{%- endmacro %}
