"""Dagster waits for Zoho CRM mass-delete jobs: a sensor, and a resource for assets."""

from dagster._core.libraries import DagsterLibraryRegistry

from .resource import ZohoCRMResource
from .sensor import build_mass_delete_sensor

__version__ = "0.1.0"
__all__ = ["ZohoCRMResource", "build_mass_delete_sensor"]

DagsterLibraryRegistry.register("dagster-zmd", __version__, is_dagster_package=False)
