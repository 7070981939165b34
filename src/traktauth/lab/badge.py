"""The verdict as a picture for a README: one SVG without foreign assets."""

from __future__ import annotations

from html import escape

from traktauth.lab.report import LabReport
from traktauth.lab.verdicts import KEEPS, LOSES, NOT_JUDGED

LABEL = "Trakt login"
CHARACTER_WIDTH = 7  # pixels of the average character at 11 pixels
PADDING = 10
COLOURS = {KEEPS: "#2e7d32", LOSES: "#c62828", NOT_JUDGED: "#616161"}


def draw_badge(report: LabReport) -> str:
    """Return the badge of a report."""
    verdict = report.verdict.partition(":")[0]
    message = f"{verdict} ({report.partial})" if report.keeps and report.partial else verdict
    left, right = (len(text) * CHARACTER_WIDTH + 2 * PADDING for text in (LABEL, message))
    title = escape(f"{LABEL}: {report.verdict}")
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" \
role="img" aria-label="{title}">
<title>{title}</title>
<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#424242"/>\
<rect x="{left}" width="{right}" height="20" fill="{COLOURS[verdict]}"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">\
<text x="{left / 2:g}" y="14" textLength="{left - 2 * PADDING}">{LABEL}</text>\
<text x="{left + right / 2:g}" y="14" textLength="{right - 2 * PADDING}">{escape(message)}</text></g>
</svg>
"""
