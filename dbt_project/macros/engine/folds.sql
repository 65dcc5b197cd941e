{# What no window says: a state that each row of a group hands on to the next. #}

{#
    How far a customer's earned points have gone after each movement that takes some, as an array of BIGINT that begins
    with 0; an aggregate over the movements in their order.

    Earned points stand in a row, the oldest first, and what is gone is the row's beginning. A movement takes `asked`
    points more, up to the `bound`, and gives nothing back.
#}
{% macro folded_frontiers(asked, bound, order) -%}
    {{ return(adapter.dispatch('folded_frontiers', 'mainstay')(asked, bound, order)) }}
{%- endmacro %}

{% macro default__folded_frontiers(asked, bound, order) -%}
    list_reduce(
        array_agg(cast([{{ asked }}, {{ bound }}] as bigint[]) order by {{ order }}),
        lambda gone, taking: list_append(gone, greatest(gone[-1], least(gone[-1] + taking[1], taking[2]))),
        cast([0] as bigint[])
    )
{%- endmacro %}

{% macro spark__folded_frontiers(asked, bound, order) -%}
    aggregate(
        sort_array(collect_list(named_struct('place', {{ order }}, 'asked', {{ asked }}, 'bound', {{ bound }}))),
        array(cast(0 as bigint)),
        (gone, taking) -> concat(gone, array(greatest(
            element_at(gone, -1), least(element_at(gone, -1) + taking.asked, taking.bound)
        )))
    )
{%- endmacro %}


{# Two select items, a row per element of the array: its place, from 0 on, and itself. #}
{% macro numbered_elements(array, place, element) -%}
    {{ return(adapter.dispatch('numbered_elements', 'mainstay')(array, place, element)) }}
{%- endmacro %}

{% macro default__numbered_elements(array, place, element) -%}
    unnest(range(len({{ array }}))) as {{ place }},
    unnest({{ array }}) as {{ element }}
{%- endmacro %}

{% macro spark__numbered_elements(array, place, element) -%}
    posexplode({{ array }}) as ({{ place }}, {{ element }})
{%- endmacro %}
