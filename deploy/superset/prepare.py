"""Brings Superset's own database to its version, makes the user and imports the dashboards; safe to run again.

Runs in Superset's environment. What it needs comes from the environment, so that no secret is in a list of processes:
MAINSTAY_BI_SERVING, the folder with `marts.duckdb`; MAINSTAY_BI_PASSWORD, the user's password, if it is to be set.
An import overwrites the objects that Mainstay ships, and no others.
"""

import os
import sys
from pathlib import Path

ASSETS = Path(__file__).with_name("assets")
USER = "admin"
SHORTEST = 8


def main() -> int:
    """Do it all; returns the exit code."""
    missing = [
        name
        for name in ("MAINSTAY_BI_SECRET_KEY", "MAINSTAY_BI_HOME", "MAINSTAY_BI_SERVING")
        if not os.environ.get(name)
    ]
    if missing:
        return _refuse(f"{', '.join(missing)} must be set")
    served = Path(os.environ["MAINSTAY_BI_SERVING"]) / "marts.duckdb"
    if not served.is_file():
        return _refuse(f"{served} is not there: nothing is published yet; run a night first")
    password = os.environ.pop("MAINSTAY_BI_PASSWORD", "")
    if password and len(password) < SHORTEST:
        return _refuse(f"MAINSTAY_BI_PASSWORD is shorter than {SHORTEST} characters")

    from superset.app import create_app

    with create_app().app_context():
        from flask_migrate import upgrade
        from superset import appbuilder, security_manager

        upgrade()
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        if not _user(security_manager, password):
            return _refuse(
                f"MAINSTAY_BI_PASSWORD must be set at the first start: it becomes the password of {USER}"
            )
        _import(served, security_manager)
    return 0


def _refuse(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2


def _user(security_manager, password: str) -> bool:
    """Make the user, or set its password; says whether there is one."""
    user = security_manager.find_user(USER)
    if user is None:
        role = security_manager.find_role("Admin")
        return bool(password) and bool(
            security_manager.add_user(USER, "Mainstay", "Admin", f"{USER}@localhost.invalid", role, password)
        )
    if password:
        security_manager.reset_password(user.id, password)
    return True


def _import(served: Path, security_manager) -> None:
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.utils.core import override_user

    contents = {
        str(path.relative_to(ASSETS)): path.read_text(encoding="utf-8") for path in ASSETS.rglob("*.yaml")
    }
    contents = {
        name: text.replace("SERVING_FILE", str(served)) if name.startswith("databases/") else text
        for name, text in contents.items()
    }
    with override_user(security_manager.find_user(USER)):
        ImportAssetsCommand(contents).run()


if __name__ == "__main__":
    sys.exit(main())
