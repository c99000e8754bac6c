"""What became of it: the books as `report.json`, as a page with pictures, and as a few lines."""

from deploy.local.report.writing import Verdict, write

__all__ = ["Verdict", "write"]
