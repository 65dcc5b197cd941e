"""How Superset is served, on this machine and in its container; the address comes from who starts it."""

wsgi_app = "superset.app:create_app()"
# One process, so that its memory is all that is shared, and threads, as a dashboard asks for many charts at once.
workers = 1
worker_class = "gthread"
threads = 6
timeout = 120
# It would lie in the home of whoever starts it.
control_socket_disable = True
