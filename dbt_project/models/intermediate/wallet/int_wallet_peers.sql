-- A cell is one combination of all configured attributes; each level's groups join the cells that agree in the
-- level's own attributes, and carry the number of their first cell. A missing attribute counts as 'unknown'.
{%- set levels = var('peer_attribute_levels') -%}
{%- set attributes = levels | sum(start=[]) | unique | list -%}
{%- set cell_columns = wallet_peer_columns(attributes) %}

with customers as (
    select distinct customer_id from {{ ref('int_customer_windows') }}
),

dim_customers as (
    select * from {{ ref('dim_customers') }}
),

described as (
    select
        customers.customer_id,
        {% for attribute in attributes %}
            coalesce(cast(dim_customers.{{ attribute }} as {{ text_type() }}), 'unknown') as peer_{{ attribute }},
        {% endfor %}
        'all' as peer_all
    from customers
    left join dim_customers
        on customers.customer_id = dim_customers.customer_id
),

cells as (
    select
        combinations.*,
        row_number() over (order by {{ cell_columns }}) as peer_cell_id
    from (select distinct {{ cell_columns }} from described) as combinations
),

cell_groups as (
    {% for level in levels + [[]] %}
        select
            cells.*,
            {{ loop.index }} as level_number,
            '{{ level | join('+') or 'all' }}' as level_name,
            min(cells.peer_cell_id) over (partition by {{ wallet_peer_columns(level) }}) as peer_group_id
        from cells
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    described.customer_id,
    cast(cell_groups.level_number as integer) as level_number,
    cell_groups.level_name,
    cast(cell_groups.peer_group_id as integer) as peer_group_id,
    cast(cell_groups.peer_cell_id as integer) as peer_cell_id
from described
inner join cell_groups
    on
        described.peer_all = cell_groups.peer_all
        {% for attribute in attributes %}
            and described.peer_{{ attribute }} = cell_groups.peer_{{ attribute }}
        {% endfor %}
