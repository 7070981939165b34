"""Codes kept out of access logs: the callback's address holds one, and servers log addresses."""

from __future__ import annotations

import logging
import re

# The access loggers of uvicorn, Flask's and Django's development servers, gunicorn, hypercorn, aiohttp and Tornado, and
# where gunicorn logs the address of a request that an exception has ended.
LOGGERS = (
    "uvicorn.access",
    "werkzeug",
    "django.server",
    "gunicorn.access",
    "gunicorn.error",
    "hypercorn.access",
    "aiohttp.access",
    "tornado.access",
)
_SECRET_PARAMETER = re.compile(r"""((?:^|[?&\s"'])(?:code|state)=)[^&\s"'#]+""")


class HideCode(logging.Filter):
    """Replace the values of `code` and `state` in every address of a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; it is always logged."""
        if isinstance(record.args, tuple):
            record.args = tuple(_hide(each) for each in record.args)
            record.msg = _hide(record.msg)
        elif record.args:
            record.msg, record.args = _hide(record.getMessage()), None
        else:
            record.msg = _hide(record.msg)
        return True


def hide_codes() -> None:
    """Hide codes in the access logs of the servers that are known."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, HideCode) for each in logger.filters):
            logger.addFilter(HideCode())


def _hide(text: object) -> object:
    return _SECRET_PARAMETER.sub(r"\1***", text) if isinstance(text, str) else text
