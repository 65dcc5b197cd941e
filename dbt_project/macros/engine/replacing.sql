{#
    How DuckDB makes a table or a view anew: in one statement that replaces the one that is there, within the model's
    transaction. These take the place of dbt-duckdb's materializations, which make it under another name, move the old one
    out of the way, rename and drop: up to seven statements of one model, each with a context of dbt's own, and on the rows
    of a small night they take longer than its queries. See docs/decisions/0027-replaced-in-one-statement.md.

    Left out is what nothing here has: foreign keys, which keep DuckDB from replacing a table, DuckLake, and models in Python.
#}
{% materialization table, adapter='duckdb' %}
    {{ return(replaced('table')) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {{ return(replaced('view')) }}
{% endmaterialization %}


{# Makes the model's relation anew, a table or a view; one of the other type gives way in the same transaction. #}
{% macro replaced(type) %}
    {%- set target = this.incorporate(type=type) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set gives_way = existing is not none and existing.type != type -%}
    {# What a run left that was killed while dbt-duckdb renamed, before 0.9.4. #}
    {%- set left = load_cached_relation(make_backup_relation(target, type)) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') -%}
        {%- for old in ([left] if left is not none else []) + ([existing] if gives_way else []) -%}
            drop {{ old.type }} if exists {{ old }};
        {%- endfor -%}
        {{ config.get('sql_header') or '' }}
        {{ replacing_view(target) if type == 'view' else replacing_table(target) }}
    {%- endcall %}

    {% if gives_way %}
        {% do adapter.cache_dropped(existing) %}
    {% endif %}
    {% if type == 'table' %}
        {% do create_indexes(target) %}
    {% endif %}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{% endmacro %}


{# A query stands on lines of its own: it may end in a comment. #}
{% macro replacing_view(target) -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}
    create or replace view {{ target }} as (
        {{ sql }}
    );
{%- endmacro %}

{% macro replacing_table(target) -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
        {%- set rows = none -%}
        {# The table is empty when its rows are inserted: one that may read itself is read before. #}
        {%- if modules.re.search('(?i)(from|join|[.])\\s*"?' ~ modules.re.escape(target.identifier) ~ '\\b', sql) -%}
            {%- set rows = make_temp_relation(target) -%}
            create temp table {{ rows }} as (
                {{ sql }}
            );
        {%- endif -%}
        create or replace table {{ target }} {{ get_table_columns_and_constraints() }};
        insert into {{ target }} {{ get_column_names() }} {{ get_select_subquery('from ' ~ rows if rows else sql) }};
        {% if rows %}drop table {{ rows }};{% endif %}
    {%- else -%}
        create or replace table {{ target }} as (
            {{ sql }}
        );
    {%- endif -%}
{%- endmacro %}
