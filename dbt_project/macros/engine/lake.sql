{#
    How dbt keeps tables where there is no database file but a lake of Parquet: Spark's part alone. These take the place of
    dbt-spark's own macros of the same names.
#}

{#
    Where a table lies: in a folder of its own for each run that makes it anew, so that the one that is read until then
    stays whole. Outside Mainstay, with no lake named, it is where Spark's catalogue puts it.

    Both come from the environment and not as variables, for the reason said at `as_of_date`.
#}
{% macro spark__location_clause() -%}
    {%- set lake = env_var('MAINSTAY_LAKE', '') -%}
    {%- if lake -%}
    location '{{ lake }}/{{ model.schema }}/{{ model.alias }}/{{ env_var('MAINSTAY_LAKE_VERSION') }}'
    {%- endif -%}
{%- endmacro %}


{% macro spark__file_format_clause() -%}
    using parquet
{%- endmacro %}


{# Parquet holds types and no constraint; dbt-spark would take a table without a format for one of Delta. #}
{% macro spark__persist_constraints(relation, model) -%}
{%- endmacro %}


{# A database says whose it is, as `catalogue.py` makes and finds those of a server that others may use, too. #}
{% macro spark__create_schema(relation) -%}
    {%- set lake = env_var('MAINSTAY_LAKE', '') -%}
    {%- call statement('create_schema') -%}
    create schema if not exists {{ relation }}{{ " comment 'Mainstay: " ~ lake ~ "'" if lake }}
    {%- endcall -%}
{%- endmacro %}


{# Contracts name types as DuckDB does; Spark wants a length of a VARCHAR. #}
{% macro spark__cast(field, type) -%}
    cast({{ field }} as {{ 'string' if type | upper == 'VARCHAR' else type }})
{%- endmacro %}
