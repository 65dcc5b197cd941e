{#
    Schemas are named exactly as configured (staging, marts …): one warehouse file holds one deployment. The serving file
    holds the marts alone, in its one schema.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (target.schema if target.name == 'serving' else custom_schema_name or target.schema) | trim }}
{%- endmacro %}
