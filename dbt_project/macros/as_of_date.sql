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
