"""Other ways to run the same network: LiteRT, a cluster, the reader's browser.

May import the road and ``storage``. The road, in turn, extracts and answers through ``litert`` where it is installed.
"""
