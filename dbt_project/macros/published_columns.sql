{#
    The end of a select list: the columns that a deployment adds to a dataset and wants BI to see (`publish: true` in
    its contract). From staging on they bear a name of their own, so that none can be taken for a column of a model's;
    in the mart they bear the contract's. Where there are none, sqlfluff sees a line that is only indented: LT02.
#}
{% macro staged_columns(dataset, relation) %}
{%- for column in var('published_columns').get(dataset, []) %},
    {{ relation }}.{{ adapter.quote(column) }} as {{ adapter.quote('own__' ~ column) }}
{%- endfor %}
{%- endmacro %}


{% macro published_columns(dataset, relation) %}
{%- for column in var('published_columns').get(dataset, []) %},
    {{ relation }}.{{ adapter.quote('own__' ~ column) }} as {{ adapter.quote(column) }}
{%- endfor %}
{%- endmacro %}
