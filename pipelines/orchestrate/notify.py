"""Tells people that a task failed: in the log, by mail or by webhook, as the settings say.

A notification that fails is logged and nothing more: it must not hide the error it is about.
"""

from __future__ import annotations

import html
import logging
from typing import Any

from pipelines.errors import SettingsError
from pipelines.settings import Settings, load_settings

log = logging.getLogger(__name__)

WEBHOOK_TIMEOUT_SECONDS = 10.0


def notify_failure(context: Any) -> None:
    """Airflow's `on_failure_callback`: report the task that failed for good, after its retries."""
    failure = describe(context)
    log.error("%s", failure["text"])
    try:
        settings = load_settings()
        if settings.notify == "smtp":
            send_mail(settings, failure)
        elif settings.notify == "webhook":
            post_webhook(settings, failure)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the task's own error must stand
        # The class alone: an HTTP library's message may hold the webhook's URL, which is a secret.
        reason = str(error) if isinstance(error, SettingsError) else type(error).__name__
        log.error("The failure of %s could not be reported: %s", failure["task"], reason)


def describe(context: Any) -> dict[str, str]:
    """What a person needs to know of a failed task, as JSON-able text."""
    from pipelines.warehouse.faults import message_of

    ti = context["ti"]
    run = context.get("dag_run")
    error = context.get("exception")
    message = message_of(error) if error else "no message; the task's process may have been killed"
    return {
        "dag": ti.dag_id,
        "task": ti.task_id,
        "run_id": ti.run_id,
        "interval_start": str(getattr(run, "data_interval_start", None) or ""),
        "error_type": type(error).__name__ if error else "",
        "message": message,
        "text": f"Mainstay: {ti.dag_id}.{ti.task_id} failed in run {ti.run_id}: {message}",
    }


def send_mail(settings: Settings, failure: dict[str, str]) -> None:
    """Mail the failure to `notify_email_to` through the Airflow connection `notify_smtp_conn_id`."""
    if not settings.notify_email_to:
        raise SettingsError("notify is smtp, but MAINSTAY_NOTIFY_EMAIL_TO is not set")
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    rows = "".join(
        f"<tr><th align='left'>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in failure.items()
        if name != "text"
    )
    with SmtpHook(smtp_conn_id=settings.notify_smtp_conn_id) as hook:
        hook.send_email_smtp(
            to=settings.notify_email_to,
            subject=f"Mainstay: {failure['dag']}.{failure['task']} failed",
            html_content=f"<p>{html.escape(failure['text'])}</p><table>{rows}</table>",
        )


def post_webhook(settings: Settings, failure: dict[str, str]) -> None:
    """Post the failure as JSON to `notify_webhook_url`; chat services read its `text`."""
    import httpx

    if settings.notify_webhook_url is None:
        raise SettingsError("notify is webhook, but MAINSTAY_NOTIFY_WEBHOOK_URL is not set")
    # httpx logs each request's URL at INFO, and this URL is a secret.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    response = httpx.post(
        settings.notify_webhook_url.get_secret_value(), json=failure, timeout=WEBHOOK_TIMEOUT_SECONDS
    )
    if not response.is_success:
        raise SettingsError(f"the webhook answered {response.status_code}; check MAINSTAY_NOTIFY_WEBHOOK_URL")
