with contacts as (
    select * from {{ ref('int_care_contacts') }}
),

served as (
    select * from {{ ref('int_care_served') }}
),

customers as (
    select * from {{ ref('int_care_customers') }}
),

reasons as (
    select * from {{ ref('int_care_reasons') }}
)

{{ care_rows() }}
