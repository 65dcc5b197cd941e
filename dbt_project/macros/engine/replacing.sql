{#
    How DuckDB makes a table or a view anew: in one statement that replaces the one that is there, within the model's
    transaction. These take the place of dbt-duckdb's materializations, which make it under another name, move the old one
    out of the way, rename and drop: up to seven statements of one model, each with a context of dbt's own, and on the rows
    of a small night they take longer than its queries. See docs/decisions/0027-replaced-in-one-statement.md.

    Left out is what nothing here has: foreign keys, which keep DuckDB from replacing a table, and DuckLake.
#}
{% materialization table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set statements -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(sql) }}
            create or replace table {{ target }} {{ get_table_columns_and_constraints() }};
            insert into {{ target }} {{ get_column_names() }} {{ get_select_subquery(sql) }};
        {%- else -%}
            create or replace table {{ target }} as ({{ sql }});
        {%- endif -%}
    {%- endset -%}
    {{ return(replaced_by(target, statements)) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {%- set target = this.incorporate(type='view') -%}
    {%- set statements -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(sql) }}
        {%- endif -%}
        create or replace view {{ target }} as ({{ sql }});
    {%- endset -%}
    {{ return(replaced_by(target, statements)) }}
{% endmaterialization %}


{# Runs the statements that make `target`, with the model's hooks around them; a relation of another type gives way first. #}
{% macro replaced_by(target, statements) %}
    {%- set existing = load_cached_relation(target) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') -%}
        {%- if existing is not none and existing.type != target.type -%}
            drop {{ existing.type }} {{ existing }};
        {%- endif %}
        {{ config.get('sql_header') or '' }}
        {{ statements }}
    {%- endcall %}

    {% do create_indexes(target) %}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{% endmacro %}
