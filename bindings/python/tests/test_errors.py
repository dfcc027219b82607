"""The exceptions, and the numbers behind them."""

import copy
import os
import pickle
import re
import unittest

import zmd
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
        for number, cls in [(4, zmd.ArgumentError), (17, zmd.NetworkError), (28 + 1000, zmd.Error), (-5, zmd.Error)]:
            error = error_of(number, b"new")
            self.assertIs(type(error), cls)
            self.assertEqual(error.code, number)
            self.assertEqual(pickle.loads(pickle.dumps(error)).code, number)
        self.assertIs(zmd.State(77), zmd.State.UNKNOWN)

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
            error = cls("what happened")
            self.assertEqual((str(error), error.api_code, error.http_status), ("what happened", "", 0))
            self.assertIs(type(error_of(error.code, b"")), zmd.InternalError if cls is zmd.Error else cls)
            self.assertEqual(str(copy.copy(error)), "what happened")

    def test_everything_public_is_documented(self):
        for name in zmd.__all__:
            self.assertTrue(name == "__version__" or getattr(zmd, name).__doc__, name)
        for name, method in vars(zmd.Client).items():
            self.assertTrue(name.startswith("_") or method.__doc__ or method.__func__.__doc__, name)


if __name__ == "__main__":
    unittest.main()
