"""What was seen and decided, for people: HTML, Markdown with pictures, and every figure as JSON."""

from napari_zecoverage.report.placing import check_report_folder
from napari_zecoverage.report.writing import Report, ReportProgress, write_report

__all__ = ["Report", "ReportProgress", "check_report_folder", "write_report"]
