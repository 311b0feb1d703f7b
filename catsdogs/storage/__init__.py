"""What keeps or fetches bytes: downloads, archives, caches, and what guards them.

May import ``config``, ``errors``, ``files`` and ``quiet`` of the road's files; everything else may import it.
"""
