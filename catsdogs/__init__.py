"""Transfer learning on two classes of photos, the road in five stops.

photos (``data``) → split (``data``) → cached activations (``features``) →
phases 1 and 2 (``training``) → report and figures (``evaluation``, ``plots``).
``pipeline`` walks the whole road; ``cli`` is the command line over it.
"""

from catsdogs.config import Config, load_config
from catsdogs.errors import CatsdogsError

__version__ = "0.1.0"
__all__ = ["CatsdogsError", "Config", "__version__", "load_config"]
