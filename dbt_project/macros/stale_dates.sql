{#
    The first aggregation over transactions grows with the history, and a run changes few of its dates. So these models
    are incremental: a run makes the business dates in ops.stale_dates anew, which pipelines/warehouse/stale.py finds
    before each build.
#}

{# The stale dates as a subquery; `as_month` gives the months they fall in. #}
{% macro stale_dates(as_month=false) -%}
    (
        select {{ month_start('business_date') if as_month else 'business_date' }}
        from {{ source('ops', 'stale_dates') }}
    )
{%- endmacro %}


{#
    Whether this run makes the stale dates alone. Only Mainstay knows which they are, so only Mainstay asks for
    it; dbt run by hand makes everything.
#}
{% macro is_partial() -%}
    {{ return(is_incremental() and env_var('MAINSTAY_REBUILD', 'all') == 'stale_dates') }}
{%- endmacro %}


{# Condition for the rows that a run makes: the stale ones, or all. #}
{% macro is_stale(column, as_month=false) -%}
    {% if is_partial() %}{{ column }} in {{ stale_dates(as_month) }}{% else %}1 = 1{% endif %}
{%- endmacro %}


{# Pre-hook: takes out the rows that the run makes anew. #}
{% macro delete_stale(column, as_month=false) -%}
    {% if is_partial() %}
        {{ deleted_rows(column, stale_dates(as_month)) }}
    {% elif is_incremental() %}
        {{ deleted_rows(column) }}
    {% endif %}
{%- endmacro %}
