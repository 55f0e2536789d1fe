"""A model that plays a program: for the demo, for tests, and for trying a workflow without key or network.

`document` is what users write, `tools` maps its operations to whatever tools a request offers, `answer` and
`streams` word the result in each wire dialect, `model` is the HTTP application.
"""

from bridle.gateway.script.document import Script
from bridle.gateway.script.model import ScriptedModel

__all__ = ["Script", "ScriptedModel"]
