{# Calendar arithmetic. The default is DuckDB's; spark__ stands beside it where Spark writes it otherwise. #}

{# First day of the date's month, DATE. #}
{% macro month_start(date) -%}
    {{ return(adapter.dispatch('month_start', 'mainstay')(date)) }}
{%- endmacro %}

{% macro default__month_start(date) -%}
    cast(date_trunc('month', {{ date }}) as date)
{%- endmacro %}

{% macro spark__month_start(date) -%}
    trunc({{ date }}, 'MM')
{%- endmacro %}


{# Last day of the date's month, DATE. #}
{% macro month_end(date) -%}
    last_day({{ date }})
{%- endmacro %}


{# The date `months` (an integer expression) later, DATE. #}
{% macro add_months(date, months) -%}
    {{ return(adapter.dispatch('add_months', 'mainstay')(date, months)) }}
{%- endmacro %}

{% macro default__add_months(date, months) -%}
    cast({{ date }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}

{% macro spark__add_months(date, months) -%}
    add_months({{ date }}, cast({{ months }} as int))
{%- endmacro %}


{# The date `days` (an integer expression) later, DATE. #}
{% macro add_days(date, days) -%}
    {{ return(adapter.dispatch('add_days', 'mainstay')(date, days)) }}
{%- endmacro %}

{% macro default__add_days(date, days) -%}
    cast({{ date }} + to_days(cast({{ days }} as integer)) as date)
{%- endmacro %}

{% macro spark__add_days(date, days) -%}
    date_add({{ date }}, cast({{ days }} as int))
{%- endmacro %}


{# Whole days from one date to a later one, INTEGER. #}
{% macro days_between(start, end) -%}
    {{ return(adapter.dispatch('days_between', 'mainstay')(start, end)) }}
{%- endmacro %}

{% macro default__days_between(start, end) -%}
    cast(date_diff('day', {{ start }}, {{ end }}) as integer)
{%- endmacro %}

{% macro spark__days_between(start, end) -%}
    datediff({{ end }}, {{ start }})
{%- endmacro %}


{# Seconds from one moment to a later one, with their fractions, DOUBLE. #}
{% macro seconds_between(start, end) -%}
    {{ return(adapter.dispatch('seconds_between', 'mainstay')(start, end)) }}
{%- endmacro %}

{% macro default__seconds_between(start, end) -%}
    (cast(date_diff('microsecond', {{ start }}, {{ end }}) as double) / 1e6)
{%- endmacro %}

{% macro spark__seconds_between(start, end) -%}
    (cast(timestampdiff(microsecond, {{ start }}, {{ end }}) as double) / 1e6)
{%- endmacro %}


{# A month's place on the calendar, year * 12 + month, INTEGER: differences count months. #}
{% macro month_index(date) -%}
    cast(extract(year from {{ date }}) * 12 + extract(month from {{ date }}) as integer)
{%- endmacro %}


{# Calendar months from one date's month to a later one's, INTEGER. #}
{% macro months_between(start, end) -%}
    ({{ month_index(end) }} - {{ month_index(start) }})
{%- endmacro %}


{#
    A select item that gives one row per month from the month `first` to the month `last`: its first day, DATE.
    No rows where `first` is null. Use it alone in a select: `select <month_series(…)> as month from …`.
#}
{% macro month_series(first, last) -%}
    {{ return(adapter.dispatch('month_series', 'mainstay')(first, last)) }}
{%- endmacro %}

{% macro default__month_series(first, last) -%}
    cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 month)) as date)
{%- endmacro %}

{% macro spark__month_series(first, last) -%}
    explode(case when {{ first }} <= {{ last }} then sequence({{ first }}, {{ last }}, interval 1 month) end)
{%- endmacro %}


{# As month_series, one row per integer from `first` to `last`; no rows where `first` > `last`. #}
{% macro integer_series(first, last) -%}
    {{ return(adapter.dispatch('integer_series', 'mainstay')(first, last)) }}
{%- endmacro %}

{% macro default__integer_series(first, last) -%}
    cast(unnest(generate_series({{ first }}, {{ last }})) as integer)
{%- endmacro %}

{% macro spark__integer_series(first, last) -%}
    explode(case when {{ first }} <= {{ last }} then sequence({{ first }}, {{ last }}) end)
{%- endmacro %}


{# The month as text, 2017-03. #}
{% macro month_text(date) -%}
    {{ return(adapter.dispatch('month_text', 'mainstay')(date)) }}
{%- endmacro %}

{% macro default__month_text(date) -%}
    strftime({{ date }}, '%Y-%m')
{%- endmacro %}

{% macro spark__month_text(date) -%}
    date_format({{ date }}, 'yyyy-MM')
{%- endmacro %}
