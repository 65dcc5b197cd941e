{# How rows of some dates are taken out of a table, and made anew, where an engine cannot delete. #}

{#
    A statement that takes the model's rows out whose `column` has one of the `values`, a subquery; without it, all.

    DuckDB deletes them, in the transaction that inserts them anew. In a lake the table has a partition, a folder of its
    own, for each value of the column. Its partitions are dropped from the catalogue alone: no file is touched, so that
    a reader of the table as it was still finds all of it.
#}
{% macro deleted_rows(column, values=none) -%}
    {{ return(adapter.dispatch('deleted_rows', 'mainstay')(column, values)) }}
{%- endmacro %}

{% macro default__deleted_rows(column, values) -%}
    delete from {{ this }}{% if values %} where {{ column }} in {{ values }}{% endif %}
{%- endmacro %}

{% macro spark__deleted_rows(column, values) -%}
    {%- set partitions = run_query('show partitions ' ~ this).columns[0].values() -%}
    {%- if values -%}
        {%- set stale = [] -%}
        {%- for value in run_query('select * from ' ~ values).columns[0].values() -%}
            {%- do stale.append(column ~ '=' ~ value) -%}
        {%- endfor -%}
        {%- set partitions = partitions | select('in', stale) | list -%}
    {%- endif -%}
    {%- if partitions -%}
        alter table {{ this }} drop
        {% for partition in partitions -%}
            partition ({{ column }} = '{{ partition.partition('=')[2] }}'){{ ', ' if not loop.last }}
        {%- endfor %}
    {%- endif -%}
{%- endmacro %}


{# At the head of a select list: brings the rows of a partition together, so that each is written as one file. On DuckDB nothing: LT02. #}
{% macro in_partitions(column) -%}
    {{ return(adapter.dispatch('in_partitions', 'mainstay')(column)) }}
{%- endmacro %}

{% macro default__in_partitions(column) -%}
{%- endmacro %}

{% macro spark__in_partitions(column) -%}
    /*+ rebalance({{ column }}) */
{%- endmacro %}
