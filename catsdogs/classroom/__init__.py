"""For students and instructors: the delivery, the assignment and its grading, the laboratory without internet.

May import every other room but ``cli``; nothing but ``cli`` imports it.
"""
