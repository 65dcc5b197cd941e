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


{#
    A bound of the 95 % interval of a difference of two rates, the first less the second, DOUBLE, within -1 to 1; null
    where either rate is. Hybrid of their Wilson intervals, method 10 of R. G. Newcombe, Statistics in Medicine 17 (1998).
#}
{% macro newcombe_bound(rate, count, other_rate, other_count, sign) -%}
    {%- set near, far = ('-', '+') if sign == '-' else ('+', '-') -%}
    {#- all against none is a difference of 1, and the rounding of its bound must not be more -#}
    case when {{ rate }} is not null and {{ other_rate }} is not null then least(greatest(
        {{ rate }} - {{ other_rate }} {{ sign }} sqrt(
            power({{ rate }} - {{ wilson_bound(rate, count, near) }}, 2)
            + power({{ other_rate }} - {{ wilson_bound(other_rate, other_count, far) }}, 2)
        ),
        -1.0e0
    ), 1.0e0) end
{%- endmacro %}


{#
    A bound of the 95 % interval of a net promoter score, DOUBLE, within -1 to 1; null without answers. Adjusted Wald:
    three answers are added, 3/4 a promoter, 3/4 a detractor. B. Rocks, The American Statistician 70 (2016).
#}
{% macro net_promoter_bound(promoters, detractors, count, sign) -%}
    {%- set first = '((' ~ promoters ~ ' + 0.75e0) / (' ~ count ~ ' + 3))' -%}
    {%- set last = '((' ~ detractors ~ ' + 0.75e0) / (' ~ count ~ ' + 3))' -%}
    case when {{ count }} > 0 then least(greatest(
        {{ first }} - {{ last }} {{ sign }} {{ normal_quantile() }} * sqrt(
            ({{ first }} + {{ last }} - power({{ first }} - {{ last }}, 2)) / ({{ count }} + 3)
        ),
        -1.0e0
    ), 1.0e0) end
{%- endmacro %}
