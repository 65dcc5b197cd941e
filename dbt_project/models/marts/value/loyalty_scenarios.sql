{#
    Lifetime profit of a customer is profit a year x (1 + d) / (1 + d - r); the interval of the uplift by the delta
    method on monthly profit and monthly retention, whose 12th power r is.
#}
{%- set one_more = (1 + var('discount_rate') | float) ~ 'e0' -%}
{%- set points = [1, 5, 10, var('scenario_retention_points') | int] | unique | sort -%}
{%- set z = normal_quantile() -%}
with tiers as (
    select
        *,
        power(monthly_retention_rate, 12) as retention_rate,
        case when reason is null then power(monthly_retention_rate, 12) end as firm_rate,
        12 * power(monthly_retention_rate, 11) as retention_slope
    from {{ ref('int_tier_retentions') }}
),

points as (
    {% for number in points %}
        select {{ number }} as retention_points
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

scenarios as (
    select
        tiers.*,
        points.retention_points,
        case
            when tiers.firm_rate + points.retention_points / 100.0e0 < 1
                then tiers.firm_rate + points.retention_points / 100.0e0
            when tiers.firm_rate is not null then 1.0e0
        end as scenario_rate,
        -- A rate that is held at 1 does not move with the one it started from.
        case when tiers.firm_rate + points.retention_points / 100.0e0 < 1 then 1 else 0 end as is_free
    from tiers
    cross join points
),

years as (
    select
        *,
        {{ one_more }} / ({{ one_more }} - firm_rate) as base_years,
        {{ one_more }} / ({{ one_more }} - scenario_rate) as scenario_years,
        (
            is_free * {{ one_more }} / power({{ one_more }} - scenario_rate, 2)
            - {{ one_more }} / power({{ one_more }} - firm_rate, 2)
        ) * retention_slope as gained_years_slope,
        ({{ one_more }} - firm_rate) / ({{ one_more }} - scenario_rate) - 1 as uplift_rate,
        (
            is_free * ({{ one_more }} - firm_rate) / power({{ one_more }} - scenario_rate, 2)
            - 1 / ({{ one_more }} - scenario_rate)
        ) * retention_slope as uplift_slope
    from scenarios
),

uplifts as (
    select
        *,
        12 * monthly_profit * (scenario_years - base_years) as gain,
        -- Rounding may leave a variance of 0 a trifle below it.
        12 * sqrt(greatest(
            power(scenario_years - base_years, 2) * profit_variance
            + power(monthly_profit * gained_years_slope, 2) * retention_variance
            + 2 * (scenario_years - base_years) * monthly_profit * gained_years_slope * covariance,
            0.0e0
        )) as gain_error,
        abs(uplift_slope) * sqrt(retention_variance) as uplift_error
    from years
)

select
    tier,
    cast(retention_points as integer) as retention_points,
    {{ as_of_date() }} as as_of_date,
    customers,
    customer_months,
    lapses,
    first_month,
    monthly_retention_rate,
    retention_rate,
    power(monthly_retention_low, 12) as retention_rate_ci_low,
    power(monthly_retention_high, 12) as retention_rate_ci_high,
    scenario_rate as scenario_retention_rate,
    cast({{ var('discount_rate') }} as double) as discount_rate,
    {{ to_average('12 * monthly_profit') }} as profit_per_customer,
    {{ to_average('12 * sqrt(profit_variance)') }} as profit_per_customer_standard_error,
    {{ to_average('12 * monthly_profit * base_years') }} as lifetime_profit_per_customer,
    {{ to_average('12 * monthly_profit * scenario_years') }} as scenario_lifetime_profit_per_customer,
    {{ to_amount('customers * gain') }} as profit_uplift,
    {{ to_amount('customers * (gain - ' ~ z ~ ' * gain_error)') }} as profit_uplift_ci_low,
    {{ to_amount('customers * (gain + ' ~ z ~ ' * gain_error)') }} as profit_uplift_ci_high,
    uplift_rate,
    -- Rounded, as a sum of squared residuals depends on their order in the last bits.
    round(uplift_rate - {{ z }} * uplift_error, 9) as uplift_rate_ci_low,
    round(uplift_rate + {{ z }} * uplift_error, 9) as uplift_rate_ci_high,
    reason
from uplifts
