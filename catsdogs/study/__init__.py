"""Looking into data, networks and results: experiments, audits and what the chapters on them call.

May import the road, ``storage`` and ``engines``; the road imports nothing from here.
"""
