{# Names of months and weekdays, and the days on which nothing is sold. #}

{# The name of a month or weekday, `kind`, by its number from 1 on. #}
{% macro name_of(number, kind, language) -%}
    {%- set names = {
        'month': {
            'en': [
                'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November',
                'December',
            ],
            'zh': ['一月', '二月', '三月', '四月', '五月', '六月', '七月', '八月', '九月', '十月', '十一月', '十二月'],
        },
        'weekday': {
            'en': ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'],
            'zh': ['星期一', '星期二', '星期三', '星期四', '星期五', '星期六', '星期日'],
        },
    } -%}
    case {{ number }}
        {%- for name in names[kind][language] %} when {{ loop.index }} then '{{ name }}'{% endfor %} end
{%- endmacro %}


{# Whether the setting closed_days names the date. #}
{% macro is_closed_day(date, day_of_week) -%}
    {%- set closed = var('closed_days') -%}
    {%- set cases = [] -%}
    {%- for number in closed.weekdays -%}
        {%- do cases.append(day_of_week ~ ' = ' ~ number) -%}
    {%- endfor -%}
    {%- for month, day in closed.every_year -%}
        {%- do cases.append('(extract(month from ' ~ date ~ ') = ' ~ month ~ ' and extract(day from ' ~ date ~ ') = ' ~ day ~ ')') -%}
    {%- endfor -%}
    {%- for first, last in closed.ranges -%}
        {%- do cases.append("(" ~ date ~ " between cast('" ~ first ~ "' as date) and cast('" ~ last ~ "' as date))") -%}
    {%- endfor -%}
    ({{ cases | join(' or ') or '1 = 0' }})
{%- endmacro %}
