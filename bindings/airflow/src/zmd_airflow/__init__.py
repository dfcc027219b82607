"""An Airflow provider that waits for Zoho CRM mass-delete jobs: see ``zmd_airflow.sensor``."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_DATA_CENTERS = ["us", "eu", "in", "au", "cn", "jp", "ca", "sa", "uk", "ae", "sg"]


def _text(label: str, description: str, **schema: object) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"], **schema}}


def get_provider_info() -> dict[str, Any]:
    """What Airflow's entry point ``apache_airflow_provider`` returns."""
    return {
        "package-name": "airflow-provider-zmd",
        "name": "Zoho CRM mass delete",
        "description": "Waits for Zoho CRM mass-delete jobs.",
        "versions": [__version__],
        "integrations": [
            {"integration-name": "Zoho CRM", "external-doc-url": "https://www.zoho.com/crm/", "tags": ["service"]}
        ],
        "hooks": [{"integration-name": "Zoho CRM", "python-modules": ["zmd_airflow.hook"]}],
        "sensors": [{"integration-name": "Zoho CRM", "python-modules": ["zmd_airflow.sensor"]}],
        "triggers": [{"integration-name": "Zoho CRM", "python-modules": ["zmd_airflow.trigger"]}],
        "extra-links": ["zmd_airflow.links.ZohoModuleLink"],
        "connection-types": [
            {
                "connection-type": "zoho_crm",
                "hook-class-name": "zmd_airflow.hook.ZohoMassDeleteHook",
                "hook-name": "Zoho CRM",
                "ui-field-behaviour": {
                    "hidden-fields": ["host", "port", "schema"],
                    "relabeling": {"login": "Client ID", "password": "Client secret"},
                    "placeholders": {"login": "1000.XXXX", "extra": '{"max_concurrency": 10}'},
                },
                "conn-fields": {
                    "refresh_token": _text(
                        "Refresh token",
                        "With the client id and secret: access tokens are made of it",
                        format="password",
                    ),
                    "org_id": _text("Organization id", "Instead of a refresh token: the client-credentials grant"),
                    "access_token": _text(
                        "Access token", "Instead of all the others: renewed elsewhere", format="password"
                    ),
                    "data_center": _text("Data center", "Where the organization is; us by default", enum=_DATA_CENTERS),
                    "environment": _text(
                        "Environment", "production by default", enum=["production", "sandbox", "developer"]
                    ),
                    "token_cache": _text(
                        "Token cache", "A file that keeps access tokens over restarts and shares them between processes"
                    ),
                },
            }
        ],
    }
