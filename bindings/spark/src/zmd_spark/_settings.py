"""The settings of the environment, of a profile and of a connection string, which the driver reads.

The library checks them; but the executors need them too, and have neither the driver's environment nor its files.
"""

from __future__ import annotations

import inspect
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import zmd

# What stays with the driver.
CREDENTIALS = frozenset({"refresh_token", "client_id", "client_secret", "org_id", "accounts_url", "token_cache"})
NAMES = frozenset(inspect.signature(zmd.Client).parameters)
_RENEWABLE = frozenset({"refresh_token", "client_id", "client_secret", "org_id"})
_COUNTS = frozenset({"max_concurrency", "max_retries"})


def read(
    given: Mapping[str, Any], connection: str | None, profile: str | None, config_file: str | None
) -> dict[str, Any]:
    """All settings: those given count more than those of the connection string, and so on down to the profile's.

    Raises :class:`zmd.ConfigError` where one is bad, or a credential is missing.
    """
    settings = dict(given)
    if connection is not None:
        pairs = _pairs(connection)
        profile = pairs.pop("profile", profile)
        unknown = sorted(pairs.keys() - NAMES - {f"{name}_ms" for name in NAMES})
        if unknown:
            raise zmd.ConfigError(f"connection: {unknown[0]!r} is no setting")
        settings = _merged(settings, _named(pairs.get))
    zmd.Client.from_env(**settings, profile=profile, config_file=config_file).close()
    settings = _merged(settings, _named(lambda key: os.environ.get(f"ZMD_{key.upper()}") or None))
    return _merged(settings, _named(_profile(config_file, profile).get))


def _pairs(text: str) -> dict[str, str]:
    """``key=value;key={a value; with anything}``, as the library has it."""
    found = re.findall(r"\s*([^=;]*?)\s*=\s*(?:\{((?:[^}]|\}\})*)\}|([^;]*?))\s*(?:;|$)", text)
    return {key.lower(): braced.replace("}}", "}") or plain for key, braced, plain in found}


def _profile(config_file: str | None, profile: str | None) -> dict[str, Any]:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    path = Path(config_file or os.environ.get("ZMD_CONFIG_FILE") or Path(home, "zmd/config.toml"))
    try:
        tables = tomllib.loads(path.read_text())
    except OSError:
        return {}  # The library has accepted that.
    table: dict[str, Any] = tables.get(profile or os.environ.get("ZMD_PROFILE") or "default", {})
    return table


def _named(value_of: Callable[[str], Any]) -> dict[str, Any]:
    """As keywords of :class:`zmd.Client`, whose times are in seconds."""
    settings: dict[str, Any] = {}
    for name in NAMES:
        value, milliseconds = value_of(name), value_of(f"{name}_ms")
        if milliseconds is not None:
            settings[name] = int(milliseconds) / 1000
        elif value is not None:
            settings[name] = int(value) if name in _COUNTS else value
    return settings


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Both; the first counts more, and so does its way to get a token."""
    unwanted = {"access_token"} if first.keys() & _RENEWABLE else set()
    if "access_token" in first:
        unwanted |= _RENEWABLE
    return {**{key: value for key, value in second.items() if key not in unwanted}, **first}
