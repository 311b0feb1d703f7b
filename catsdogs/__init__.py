"""Transfer learning on two classes of photos, the road in five stops.

photos (``data``) → split (``data``) → cached activations (``features``) →
phases 1 and 2 (``training``) → report and figures (``evaluation``, ``plots``).
``pipeline`` walks the whole road; ``cli`` is the command line over it.
"""

import warnings

from catsdogs.config import Config, load_config
from catsdogs.errors import CatsdogsError

# pooch asks for a progress bar made of widgets, which few notebooks have and nothing here uses.
warnings.filterwarnings("ignore", message="IProgress not found")

__version__ = "0.1.0"
__all__ = ["CatsdogsError", "Config", "__version__", "load_config"]
