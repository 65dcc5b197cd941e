{# The 0.975 quantile of the normal distribution: so many standard errors either side make a 95 % interval. #}
{% macro normal_quantile() -%}
    1.959963984540054e0
{%- endmacro %}


{#
    A bound of Wilson's 95 % interval of a rate among `count` trials, DOUBLE; `sign` is - or +. Within 0 to 1.
    E. B. Wilson, Journal of the American Statistical Association 22 (1927).
#}
{% macro wilson_bound(rate, count, sign) -%}
    {%- set z = normal_quantile() -%}
    {#- least and greatest pass over a null -#}
    case when {{ rate }} is not null then least(greatest(
        (
            {{ rate }} + {{ z }} * {{ z }} / (2 * {{ count }})
            {{ sign }} {{ z }} * sqrt(
                {{ rate }} * (1 - {{ rate }}) / {{ count }} + {{ z }} * {{ z }} / (4 * {{ count }} * {{ count }})
            )
        ) / (1 + {{ z }} * {{ z }} / {{ count }}),
        0.0e0
    ), 1.0e0) end
{%- endmacro %}
