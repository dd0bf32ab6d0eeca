"""What a processed folder holds, as one page for people: read, put into words, written."""

from eμsym.report.page import report_of, write_report

__all__ = ["report_of", "write_report"]
