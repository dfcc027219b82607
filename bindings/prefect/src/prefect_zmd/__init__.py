"""Prefect waits for Zoho CRM mass-delete jobs: a task, and a block with credentials."""

from .credentials import ZohoCRMCredentials
from .tasks import wait_for_mass_delete

__version__ = "0.1.0"
__all__ = ["ZohoCRMCredentials", "wait_for_mass_delete"]
