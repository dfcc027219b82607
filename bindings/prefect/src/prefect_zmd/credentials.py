"""The credentials of an account, as a block."""

from typing import Any, Optional

import zmd
from prefect.blocks.abstract import CredentialsBlock
from pydantic import Field, SecretStr


class ZohoCRMCredentials(CredentialsBlock):
    """
    Credentials of a Zoho CRM account, and other settings of its clients. Those that are not set come from the environment
    of the flow's process (ZMD_REFRESH_TOKEN, ...) and from its configuration file.

    Example:
        Load stored credentials, and wait for a job:
        ```python
        from prefect_zmd import ZohoCRMCredentials

        credentials = ZohoCRMCredentials.load("BLOCK_NAME")
        async with credentials.get_client() as client:
            await client.wait("Leads", "111111000000222222")
        ```
    """

    _block_type_name = "Zoho CRM Credentials"
    _documentation_url = "https://example.org/zmd"  # type: ignore[assignment]

    refresh_token: Optional[SecretStr] = Field(default=None, description="With the client's id and secret.")
    client_id: Optional[str] = Field(default=None, description="The client's id in the API console.")
    client_secret: Optional[SecretStr] = Field(default=None, description="The client's secret in the API console.")
    org_id: Optional[str] = Field(
        default=None, description="Instead of a refresh token: for the client-credentials grant."
    )
    access_token: Optional[SecretStr] = Field(default=None, description="Instead of all these: renewed elsewhere.")
    data_center: Optional[str] = Field(default=None, description="Where the organization is; us unless set.")
    environment: Optional[str] = Field(default=None, description="production unless set, or sandbox or developer.")
    token_cache: Optional[str] = Field(
        default=None, description="A file that keeps access tokens and shares them between processes."
    )
    max_concurrency: Optional[int] = Field(default=None, description="Calls at the same time; 5 unless set.")
    profile: Optional[str] = Field(default=None, description="The profile of the configuration file.")
    settings: dict[str, Any] = Field(default={}, description="Other keywords of zmd.AsyncClient.")

    def get_client(self) -> zmd.AsyncClient:  # type: ignore[override]
        """A new client: close it, or use it as an asynchronous context manager. Raises :class:`zmd.ConfigError`."""
        fields = {name: getattr(self, name) for name in ZohoCRMCredentials.model_fields if name != "settings"}
        for name, value in fields.items():
            if isinstance(value, SecretStr):
                fields[name] = value.get_secret_value()
        return zmd.AsyncClient.from_env(**fields, **self.settings)
