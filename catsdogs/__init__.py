"""Transfer learning on two classes of photos: the road, from photo files to checkpoints and answers.

one photo (``photo``) → all of them, and their split (``data``) → the network and its cut (``backbone``) → what its
frozen part makes of each photo, once (``features``) → phases 1 and 2 (``training``, ``checkpoint``) → metrics
(``evaluation``), figures and record (``report``, ``plots``) → answers for new photos (``predict``). ``pipeline`` walks
the whole road. The rooms beside it say what they are for in their own ``__init__``.
"""

from catsdogs.config import Config, load_config
from catsdogs.errors import CatsdogsError

__version__ = "0.1.0"
__all__ = ["CatsdogsError", "Config", "__version__", "load_config"]
