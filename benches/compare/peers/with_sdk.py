"""The vendor's SDK, zohocrmsdk8_0, with the access token given and nothing looked up or stored that need not be."""

import bench  # noqa: I001  (the clock first)
import tempfile

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.token_store import TokenStore
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.mass_delete_cvid import (
    GetMassDeleteStatusParam,
    MassDeleteCvidOperations,
    ResponseWrapper,
)
from zohocrmsdk.src.com.zoho.crm.api.parameter_map import ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig


class Store(TokenStore):
    """Keeps one token, in memory: the SDK's own write files."""

    token = None

    def find_token(self, token):
        return self.token

    def save_token(self, token):
        self.token = token

    def find_token_by_id(self, id):
        return self.token

    def get_tokens(self):
        return [self.token]

    def delete_token(self, id):
        self.token = None

    def delete_tokens(self):
        self.token = None


# It writes a file with the module's fields where its configuration says.
with tempfile.TemporaryDirectory() as resources:
    Initializer.initialize(
        environment=DataCenter.Environment(bench.URL, bench.URL + "/oauth/v2/token", bench.URL),
        token=OAuthToken(access_token=bench.TOKEN, find_user=False),
        store=Store(),
        sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False),
        resource_path=resources,
    )

    def query():
        parameters = ParameterMap()
        # Only an int is taken.
        parameters.add(GetMassDeleteStatusParam.job_id, int(bench.JOB))
        answer = MassDeleteCvidOperations(bench.MODULE).get_mass_delete_status(parameters).get_object()
        if not isinstance(answer, ResponseWrapper):
            raise SystemExit(f"another answer: {answer}")
        job = answer.get_data()[0]
        state = job.get_status().get_value()
        bench.check((state, job.get_total_count(), job.get_deleted_count(), job.get_failed_count()))

    bench.run(query)
