"""Superset's configuration. What differs between deployments comes from the environment, secrets too; none has a default."""

import os

from live_version import open_live_version

SECRET_KEY = os.environ["MAINSTAY_BI_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{os.environ['MAINSTAY_BI_HOME']}/superset.db?timeout=60"

DB_CONNECTION_MUTATOR = open_live_version

# No connection but ours: whoever may add one could have the server open any file or address.
PREVENT_UNSAFE_DB_CONNECTIONS = True

WTF_CSRF_ENABLED = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Behind a proxy with TLS: MAINSTAY_BI_TLS=1.
SESSION_COOKIE_SECURE = os.environ.get("MAINSTAY_BI_TLS") == "1"
ENABLE_PROXY_FIX = SESSION_COOKIE_SECURE

# Only this server: no maps, no fonts, no pixels of others, so that it works without a network and tells nobody.
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": SESSION_COOKIE_SECURE,
}

LANGUAGES = {"en": {"flag": "us", "name": "English"}, "zh": {"flag": "cn", "name": "中文"}}
BABEL_DEFAULT_LOCALE = os.environ.get("MAINSTAY_BI_LANGUAGE", "en")

# One process, so memory will do.
RATELIMIT_STORAGE_URI = "memory://"
# Nothing is kept of an answer: the next night must show at once.
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
SQL_MAX_ROW = 100_000
