{#
    The business date that the run is for, as a DATE.

    Mainstay gives it in the environment and not as a variable: dbt parses the whole project anew for every new
    set of variables, and this one is new each night. For the same reason it is not looked at while parsing.
#}
{% macro as_of_date() -%}
    {%- set given = env_var('MAINSTAY_AS_OF_DATE', var('as_of_date', '')) if execute else '1970-01-01' -%}
    {%- if not given -%}
        {{ exceptions.raise_compiler_error("as_of_date is not set; give --vars '{as_of_date: YYYY-MM-DD}'") }}
    {%- endif -%}
    cast('{{ given }}' as date)
{%- endmacro %}


{#
    The moment at which the as-of date ends in the reporting timezone, a UTC TIMESTAMP: what is at or after it has not
    happened yet. A literal, so that no engine has to know timezones.
#}
{% macro end_of_as_of_date() -%}
    {%- set given = env_var('MAINSTAY_AS_OF_DATE', var('as_of_date', '')) if execute else '1970-01-01' -%}
    {%- set day = modules.datetime.datetime.strptime(given, '%Y-%m-%d') + modules.datetime.timedelta(days=1) -%}
    {%- set zone = modules.pytz.timezone(var('timezone')) -%}
    {#- Where clocks go back over midnight, the day ends with the first of the two; where they go forward, there is none. -#}
    {%- set first = zone.localize(day, is_dst=true) -%}
    {%- set moment = zone.localize(day) if zone.normalize(first).date() < day.date() else first -%}
    cast('{{ moment.astimezone(modules.pytz.utc).strftime('%Y-%m-%d %H:%M:%S') }}' as timestamp)
{%- endmacro %}


{# A moment of the past, or null: what lies after the as-of date is not known on it. #}
{% macro if_happened(moment) -%}
    case when {{ moment }} < {{ end_of_as_of_date() }} then {{ moment }} end
{%- endmacro %}
