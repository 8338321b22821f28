"""An app's side of the front door: files or lines in, an honest report out."""

from app.send.report import Rejections, SendReport
from app.send.sender import send

__all__ = ["Rejections", "SendReport", "send"]
