{#
    How a staging model is kept that does work and that many others read: a view where the engine works it out as quickly
    as it reads it, a table on Spark, which writes out a view anew in each of its readers.
#}
{% macro read_by_many() -%}
    {{ return(adapter.dispatch('read_by_many', 'mainstay')()) }}
{%- endmacro %}

{% macro default__read_by_many() -%}
    {{ return('view') }}
{%- endmacro %}

{% macro spark__read_by_many() -%}
    {{ return('table') }}
{%- endmacro %}
