"""What keeps or fetches bytes: downloads, archives, caches, and what guards them.

May import ``config``, ``errors``, ``files``, ``quiet`` and ``silence`` of the road's files; everything else may import
it.
"""
