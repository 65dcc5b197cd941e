{# Whether a tier falls at most one level per assessment. #}
{% macro lands_softly() -%}
    {{ return(var('soft_landing') | string | lower in ('true', '1')) }}
{%- endmacro %}


{# Whether a customer may keep a tier that the spend no longer earns (soft landing or grace months). #}
{% macro holds_tiers() -%}
    {{ return(lands_softly() or var('grace_months') | int > 0) }}
{%- endmacro %}


{#
    Columns best_rank_1 … best_rank_<grace months + 1>: the best rank that the spell's last n assessments earned, by
    the policy of the month that looks back. A tier that this policy no longer has counts as above all.
#}
{% macro best_ranks_lately() -%}
    {%- for n in range(1, var('grace_months') | int + 2) -%}
    min(case when later.step - earlier.step < {{ n }} then coalesce(policy.tier_rank, 0) end) as best_rank_{{ n }}
        {%- if not loop.last %},
        {% endif %}
    {%- endfor %}
{%- endmacro %}


{# The rank held after an assessment, from the rank held before it (rank_before) and the ranks earned lately. #}
{% macro rank_after_assessment() -%}
    {%- set grace_months = var('grace_months') | int -%}
    case
                when earned_rank <= rank_before then earned_rank
                when step > {{ grace_months }} and best_rank_{{ grace_months + 1 }} > rank_before
                    then {{ 'rank_before + 1' if lands_softly() else 'earned_rank' }}
                else rank_before
            end
{%- endmacro %}


{# The how manieth assessment in a row this is that earned less than the tier held before; 0 if it earned the tier. #}
{% macro grace_month() -%}
    case
                {%- for n in range(1, var('grace_months') | int + 2) %}
                when best_rank_{{ n }} <= rank_before then {{ n - 1 }}
                {%- endfor %}
                else 0
            end
{%- endmacro %}
