"""The library's log lines, as those of Python loggers."""

import logging
import re
from typing import Dict, Optional

from ._exit import is_exiting
from ._library import LogFunction, library
from .errors import error_of, in_seconds

logger = logging.getLogger("zmd")
logger.addHandler(logging.NullHandler())

# A line begins with the part of the library that it comes from, which has a logger of its own. At the last level it may
# also be another library: ureq, rustls.
_LINE = re.compile("([a-z_]+): (.*)")
_parts: Dict[str, logging.Logger] = {
    part: logger.getChild(part) for part in ("client", "config_file", "http", "oauth", "wait")
}

# From the library's level 1 on. For the last, trace, Python has no name.
_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, 5)
_level = 0


def _log_line(_user_data: Optional[int], level: int, message: bytes) -> None:
    text = in_seconds(message.decode("utf-8", "replace"))
    match = _LINE.match(text)
    if match:
        part = _parts.get(match[1]) or logger.getChild(match[1])
        part.log(_LEVELS[level - 1], "%s", match[2])
    else:
        logger.log(_LEVELS[level - 1], "%s", text)


_log = LogFunction(_log_line)


def follow_log_level() -> None:
    """Sets the library's level to that of Python's loggers: a line that is discarded costs time."""
    global _level
    level = _wanted(logger)
    for part in _parts.values():
        if part.level:
            level = max(level, _wanted(part))
    if level != _level and not is_exiting():
        code = library.zmd_set_logger(_log, None, level)
        if code:
            raise error_of(code, library.zmd_last_error())
        _level = level


def _wanted(logger: logging.Logger) -> int:
    """The library's level for the level of a logger."""
    least = max(logger.getEffectiveLevel(), logger.manager.disable + 1)
    return 0 if logger.disabled else sum([level >= least for level in _LEVELS])
