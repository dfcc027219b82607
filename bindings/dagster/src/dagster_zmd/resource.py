"""A client as a resource."""

from collections.abc import Iterable, Sequence
from typing import Any, Optional, Union

import dagster as dg
import zmd
from pydantic import Field

# Whoever asks again gets the same.
FINAL = (zmd.JobFailedError, zmd.JobNotFoundError, zmd.InvalidModuleError, zmd.ArgumentError)


class ZohoCRMResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The clients of a Zoho account.

    Settings that are not given come from the environment (``ZMD_REFRESH_TOKEN``, ...) and from the configuration file of
    the code location's machine.
    """

    refresh_token: Optional[str] = Field(default=None, description="With client_id and client_secret")
    client_id: Optional[str] = Field(default=None, description="Of the API console")
    client_secret: Optional[str] = Field(default=None, description="Of the API console")
    org_id: Optional[str] = Field(default=None, description="Instead of a refresh token: the client-credentials grant")
    access_token: Optional[str] = Field(default=None, description="Instead of all these: renewed elsewhere")
    data_center: Optional[str] = Field(default=None, description="us unless set")
    environment: Optional[str] = Field(default=None, description="production unless set, or sandbox or developer")
    token_cache: Optional[str] = Field(
        default=None, description="A file that keeps access tokens and shares them between processes"
    )
    max_concurrency: Optional[int] = Field(default=None, description="Calls at the same time, 5 unless set")
    profile: Optional[str] = Field(default=None, description="Of the configuration file")
    settings: dict[str, Any] = Field(default={}, description="Other keywords of zmd.Client")

    def get_client(self) -> zmd.Client:
        """A new client: close it, or use it as a context manager. Raises :class:`zmd.ConfigError`."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "settings"}
        return zmd.Client.from_env(**fields, **self.settings)

    def wait(self, jobs: Iterable[Sequence[Union[str, int]]], *, timeout: Optional[float] = None) -> list[zmd.Status]:
        """Waits until the records of all jobs are deleted, in an asset or op, whose log has a line for each change.

        :param jobs: pairs of a module and a job id
        :param timeout: the limit in seconds, for all of them together
        :return: the last status of each, in their order

        Raises ``dagster.Failure`` when all have ended, or the time limit expires. Retries apply to it unless one of the
        jobs failed, left records or does not exist, or the time limit expired.
        """
        log, last = dg.get_dagster_logger(), dict[int, str]()

        def show(progress: zmd.Progress) -> None:
            line = str(progress.status or progress.error)
            if last.get(progress.index) != line:
                last[progress.index] = line
                log.info(line)

        with self.get_client() as client:
            outcomes = client.wait_many(jobs, timeout=timeout, progress=show, check=True)  # type: ignore[arg-type]
        errors = [outcome for outcome in outcomes if isinstance(outcome, zmd.Error)]
        if errors:
            is_final = any(isinstance(error, (*FINAL, zmd.Timeout)) for error in errors)
            raise dg.Failure("; ".join(map(str, errors)), allow_retries=not is_final)
        return [outcome for outcome in outcomes if isinstance(outcome, zmd.Status)]
