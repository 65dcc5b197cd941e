{# The columns of int_wallet_peers that tell peers apart by these attributes; peer_all is the same for everyone. #}
{% macro wallet_peer_columns(attributes) -%}
    {% for attribute in attributes %}peer_{{ attribute }}, {% endfor %}peer_all
{%- endmacro %}
