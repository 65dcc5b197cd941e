{#
    The rows of raw.<dataset> that hold, as a subquery's select.

    A key may have come in more than one partition; then the row of the newest partition holds. Such keys
    stand in raw.<dataset>__contested, usually none, so that only they are ranked and all other rows pass
    untouched. With `is_snapshot` (master data, whose business date is the date it was landed) the row that was
    known on the as-of date holds, so an earlier as-of date sees the earlier state.
#}
{% macro held_rows(dataset, key, is_snapshot=false) -%}
    select held.*
    from (
        select
            source_rows.*,
            1 as held_position
        from {{ source('raw', dataset) }} as source_rows
        left join {{ source('raw', dataset ~ '__contested') }} as contested
            on {{ equal_keys('source_rows', 'contested', key) }}
        where contested.{{ key[0] }} is null
        union all
        select
            source_rows.*,
            row_number() over (
                partition by {{ qualified('source_rows', key) }}
                order by source_rows.partition_date desc
            ) as held_position
        from {{ source('raw', dataset) }} as source_rows
        inner join {{ source('raw', dataset ~ '__contested') }} as contested
            on {{ equal_keys('source_rows', 'contested', key) }}
        {%- if is_snapshot %}
        where source_rows.business_date <= {{ as_of_date() }}
        {%- endif %}
    ) as held
    where
        held.held_position = 1
        and held.business_date <= {{ as_of_date() }}
{%- endmacro %}


{# Condition that two relations agree on the key columns, none of which is ever null. #}
{% macro equal_keys(left, right, key) -%}
    {%- for column in key -%}
    {{ left }}.{{ column }} = {{ right }}.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{# The columns, each named with its relation. #}
{% macro qualified(relation, columns) -%}
    {%- for column in columns -%}
    {{ relation }}.{{ column }}{{ ', ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
