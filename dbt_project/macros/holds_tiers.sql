{# Whether a tier falls at most one level per assessment. #}
{% macro lands_softly() -%}
    {{ return(var('soft_landing') | string | lower in ('true', '1')) }}
{%- endmacro %}


{# Whether a customer may keep a tier that the spend no longer earns (soft landing or grace months). #}
{% macro holds_tiers() -%}
    {{ return(lands_softly() or var('grace_months') | int > 0) }}
{%- endmacro %}
