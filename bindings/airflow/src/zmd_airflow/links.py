"""The link from a task to Zoho CRM, in Airflow's UI."""

from __future__ import annotations

from typing import Any

from ._compat import BaseOperatorLink, XCom

KEY = "zoho_crm_module"


class ZohoModuleLink(BaseOperatorLink):
    """The page of the module's records in Zoho CRM. The sensor has put it into an XCom."""

    name = "Zoho CRM"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The address, or an empty text where the sensor has not run."""
        return XCom.get_value(key=KEY, ti_key=ti_key) or ""
