{# Aggregates and types that engines write differently. #}

{# Quantile of a number by linear interpolation, DOUBLE; `fraction` is 0 to 1. Null over no rows. #}
{% macro quantile(expression, fraction) -%}
    {{ return(adapter.dispatch('quantile', 'mainstay')(expression, fraction)) }}
{%- endmacro %}

{% macro default__quantile(expression, fraction) -%}
    quantile_cont(cast({{ expression }} as double), {{ fraction }})
{%- endmacro %}

{# Spark's percentile differs from quantile_cont in the last bit, so this is written as DuckDB works it out. #}
{% macro spark__quantile(expression, fraction) -%}
    {%- set value = 'cast(' ~ expression ~ ' as double)' -%}
    {%- set sorted = 'sort_array(collect_list(' ~ value ~ '))' -%}
    {%- set place = '((count(' ~ value ~ ') - 1) * cast(' ~ fraction ~ ' as double))' -%}
    (
        get({{ sorted }}, cast(floor({{ place }}) as int)) * (1 - ({{ place }} - floor({{ place }})))
        + get({{ sorted }}, cast(ceil({{ place }}) as int)) * ({{ place }} - floor({{ place }}))
    )
{%- endmacro %}


{# Median by linear interpolation, DOUBLE. #}
{% macro median(expression) -%}
    {{ quantile(expression, 0.5) }}
{%- endmacro %}


{#
    A DOUBLE or a quotient as DECIMAL, of 18 digits unless told. A bare cast differs between engines in ties: DuckDB
    rounds the binary product half away from zero, Spark the shortest decimal text of the figure.
#}
{% macro to_decimal(expression, scale, precision=18) -%}
    {{ return(adapter.dispatch('to_decimal', 'mainstay')(expression, scale, precision)) }}
{%- endmacro %}

{% macro default__to_decimal(expression, scale, precision) -%}
    cast({{ expression }} as decimal({{ precision }}, {{ scale | int }}))
{%- endmacro %}

{% macro spark__to_decimal(expression, scale, precision) -%}
    {%- set scale = scale | int -%}
    {#- a tie of the product is a tie of its shortest text, too; a unit of few digits leaves the product room for all of its own -#}
    cast(
        cast(round(cast({{ expression }} as double) * 1e{{ scale }}) as decimal({{ 37 - [scale, 1] | max }}, 0))
        * cast('{{ '1' if scale == 0 else '0.' ~ '0' * (scale - 1) ~ '1' }}' as decimal({{ [scale, 1] | max }}, {{ scale }}))
        as decimal({{ precision }}, {{ scale }})
    )
{%- endmacro %}


{# The group's values as an array, in the order of the values themselves, nulls left out. #}
{% macro sorted_list(expression) -%}
    {{ return(adapter.dispatch('sorted_list', 'mainstay')(expression)) }}
{%- endmacro %}

{% macro default__sorted_list(expression) -%}
    list_sort(array_agg({{ expression }}) filter (where {{ expression }} is not null))
{%- endmacro %}

{% macro spark__sorted_list(expression) -%}
    sort_array(collect_list({{ expression }}))
{%- endmacro %}


{# The group's texts as one, with commas between them, in the order of another column; null over no text. #}
{% macro joined_texts(expression, order) -%}
    {{ return(adapter.dispatch('joined_texts', 'mainstay')(expression, order)) }}
{%- endmacro %}

{% macro default__joined_texts(expression, order) -%}
    string_agg({{ expression }}, ',' order by {{ order }})
{%- endmacro %}

{% macro spark__joined_texts(expression, order) -%}
    case when count({{ expression }}) > 0 then array_join(transform(
        sort_array(collect_list(
            case when {{ expression }} is not null
                then named_struct('place', {{ order }}, 'said', {{ expression }})
            end
        )),
        item -> item.said
    ), ',') end
{%- endmacro %}


{# The type of a text of any length. #}
{% macro text_type() -%}
    {{ return(adapter.dispatch('text_type', 'mainstay')()) }}
{%- endmacro %}

{% macro default__text_type() -%}
    varchar
{%- endmacro %}

{% macro spark__text_type() -%}
    string
{%- endmacro %}
