"""The exceptions, and the numbers behind them."""

import copy
import inspect
import os
import pickle
import re
import unittest

import zmd
import zmd.testing
from support import ROOT
from zmd.errors import error_of

CLASSES = [each for each in vars(zmd).values() if isinstance(each, type) and issubclass(each, zmd.Error)]


def numbers_of_the_header(prefix):
    with open(os.path.join(ROOT, "include", "zmd.h"), encoding="utf-8") as header:
        return {name: int(number) for name, number in re.findall(rf"^  {prefix}(\w+) = (\d+),$", header.read(), re.M)}


class Errors(unittest.TestCase):
    def test_the_numbers_are_those_of_the_header(self):
        self.assertEqual({each.name: each.value for each in zmd.ErrorCode}, numbers_of_the_header("ZMD_ERR_"))
        self.assertEqual({each.name: each.value for each in zmd.State}, numbers_of_the_header("ZMD_STATE_"))

    def test_every_number_has_its_class(self):
        self.assertEqual(
            {code.name: error_of(code, b"").__class__.__name__ for code in zmd.ErrorCode},
            {
                "NULL_POINTER": "ArgumentError",
                "INVALID_ARGUMENT": "ArgumentError",
                "INVALID_CONFIG": "ConfigError",
                "DNS": "DnsError",
                "CONNECT": "ConnectError",
                "TLS": "TlsError",
                "PROXY": "ProxyError",
                "NETWORK": "NetworkError",
                "TIMEOUT": "Timeout",
                "CANCELLED": "Cancelled",
                "STALLED": "Stalled",
                "UNAUTHORIZED": "UnauthorizedError",
                "SCOPE": "ScopeError",
                "FORBIDDEN": "ForbiddenError",
                "INVALID_MODULE": "InvalidModuleError",
                "JOB_NOT_FOUND": "JobNotFoundError",
                "RATE_LIMITED": "RateLimitedError",
                "SERVER": "ServerError",
                "API": "ApiError",
                "BAD_RESPONSE": "BadResponseError",
                "OAUTH": "OAuthError",
                "INTERNAL": "InternalError",
            },
        )

    def test_numbers_of_a_newer_library_survive(self):
        for number, cls in [(4, zmd.ArgumentError), (18, zmd.NetworkError), (28 + 1000, zmd.Error), (-5, zmd.Error)]:
            error = error_of(number, b"new")
            self.assertIs(type(error), cls)
            self.assertEqual(error.code, number)
            self.assertEqual(pickle.loads(pickle.dumps(error)).code, number)
        self.assertIs(zmd.State(77), zmd.State.UNKNOWN)

    def test_which_are_transient(self):
        transient = {code.name for code in zmd.ErrorCode if error_of(code, b"").is_transient}
        self.assertEqual(transient, {"DNS", "CONNECT", "PROXY", "NETWORK", "TIMEOUT", "RATE_LIMITED", "SERVER"})

    def test_numbers_print_as_names(self):
        for each in (*zmd.ErrorCode, *zmd.State):
            self.assertEqual(
                [str(each), f"{each}", f"{each:>20}".strip(), "%d" % each], [each.name] * 3 + [repr(each.value)]
            )
            self.assertIn(each.name, repr(each))

    def test_milliseconds_are_shown_in_seconds(self):
        for message, shown in [
            ("within 30000 ms: raise timeout_ms", "within 30 s: raise timeout"),
            ("connect_timeout_ms (1500 ms) expired", "connect_timeout (1.5 s) expired"),
            (
                "poll_min_ms takes a whole number from 1 to 3600000 (milliseconds)",
                "poll_min takes 0.001 to 3600 seconds",
            ),
            ("ZMD_TIMEOUT_MS, 5 msgs, items, 7ms", "ZMD_TIMEOUT_MS, 5 msgs, items, 7ms"),
        ]:
            self.assertEqual(str(error_of(99, message.encode())), shown)

    def test_families(self):
        for cls in CLASSES:
            self.assertTrue(issubclass(cls, Exception))
        for name in ("Dns", "Connect", "Tls", "Proxy"):
            self.assertTrue(issubclass(getattr(zmd, name + "Error"), zmd.NetworkError))
        for name in ("Unauthorized", "Scope", "Forbidden", "InvalidModule", "JobNotFound", "RateLimited", "Server"):
            self.assertTrue(issubclass(getattr(zmd, name + "Error"), zmd.ApiError))
        self.assertTrue(issubclass(zmd.BadResponseError, zmd.ApiError) and issubclass(zmd.OAuthError, zmd.ApiError))
        self.assertTrue(issubclass(zmd.ArgumentError, ValueError) and issubclass(zmd.ConfigError, ValueError))
        self.assertTrue(issubclass(zmd.Timeout, TimeoutError))

    def test_whoever_makes_one_gets_its_number(self):
        for cls in CLASSES:
            if cls is zmd.JobFailedError:  # which no number of the library is about
                continue
            error = cls("what happened")
            self.assertEqual((error.module, error.job_id), (None, None))
            self.assertEqual((str(error), error.api_code, error.http_status), ("what happened", "", 0))
            self.assertIs(type(error_of(error.code, b"")), zmd.InternalError if cls is zmd.Error else cls)
            self.assertEqual(str(copy.copy(error)), "what happened")

    def test_everything_public_is_documented(self):
        for name in zmd.__all__:
            # Progress is a union of two.
            self.assertTrue(name in ("__version__", "Progress") or getattr(zmd, name).__doc__, name)
        for cls in (zmd.Client, zmd.AsyncClient, zmd.testing.Service):
            for name in dir(cls):
                self.assertTrue(name.startswith("_") or getattr(cls, name).__doc__, name)

    def test_every_setting_is_documented(self):
        for function in (zmd.Client.__init__, zmd.Client.from_env):
            names = [name for name in inspect.signature(function).parameters if name != "self"]
            self.assertEqual(re.findall(r":param (\w+): ", function.__doc__), names)
        same = re.compile(r":param access_token:.*:param client_key: .*?(?=\n *(:param|\n))", re.DOTALL)
        self.assertEqual(
            same.search(zmd.Client.__init__.__doc__).group(), same.search(zmd.Client.from_env.__doc__).group()
        )


if __name__ == "__main__":
    unittest.main()
