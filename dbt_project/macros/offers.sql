{#
    The figures of the offers that are no deployment's business, in one place. They are caps, which keep the work
    set-based on millions of lines, and weights, which are alike over a wide range.
#}
{% macro offer_figure(name) -%}
    {%- set figures = {
        'recent_baskets': 10,
        'repeat_prior_purchases': 30,
        'min_buyers': 10,
        'chance_buyers': 5,
        'items_per_customer': 50,
        'neighbours_per_item': 20,
        'evaluation_days': 28,
        'evaluated_customers': 10000,
    } -%}
    {{ return(var('offer_' ~ name, figures[name]) | int) }}
{%- endmacro %}


{#
    What a basket counts that was bought `baskets_ago` baskets before the latest one, in millionths, BIGINT: the latest 1,
    one `recent_baskets` ago half of it. Baskets, not days, so that who shops seldom is not forgotten; whole numbers, so
    that their sum is the same in any order.
#}
{% macro recency_weight(baskets_ago) -%}
    {%- set recent = offer_figure('recent_baskets') -%}
    cast(floor({{ recent }}000000.0e0 / ({{ recent }} + {{ baskets_ago }})) as bigint)
{%- endmacro %}


{# What a hit at a place of the list counts in the NDCG, 1 / log2(place + 1), in whole billionths, BIGINT. #}
{% macro place_gain(place) -%}
    cast(round(1000000000 * ln(2.0) / ln({{ place }} + 1.0)) as bigint)
{%- endmacro %}
