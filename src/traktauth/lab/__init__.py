"""The lab: would a program lose a login at Trakt?"""

from __future__ import annotations

from traktauth.lab.lab import Lab
from traktauth.lab.report import LabReport
from traktauth.lab.verdicts import Evidence, Verdict

__all__ = ["Evidence", "Lab", "LabReport", "Verdict"]
